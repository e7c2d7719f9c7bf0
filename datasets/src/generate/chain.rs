//! Chains of calculation: what a word problem asks for, without its words.
//!
//! Values are whole numbers throughout; a step that would leave a remainder is not made. The number of steps is the
//! number of calculations that the answer needs.

/// A calculation with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Left plus right.
    Add,
    /// Left minus right, never below zero.
    Subtract,
    /// Left times right.
    Multiply,
    /// Left divided by right, without remainder.
    Divide,
    /// Right per cent of left, without remainder.
    Percent,
}

/// A number that the text gives, or one that follows from two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Stated in the text.
    Given(i64),
    /// To be calculated from earlier nodes.
    Step(Operation, usize, usize),
}

/// A calculation of known length; the last node is what is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    nodes: Vec<Node>,
    values: Vec<i64>,
}

/// Largest value on the way: beyond it a text reads like no word problem.
const LARGEST: i64 = 2_000_000;

impl Chain {
    /// The nodes, each after those it follows from.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many calculations the answer needs.
    pub fn steps(&self) -> usize {
        self.nodes.iter().filter(|node| matches!(node, Node::Step(..))).count()
    }

    /// The value of the last node.
    pub fn answer(&self) -> i64 {
        self.values.last().copied().unwrap_or_default()
    }

    /// States a number.
    pub(crate) fn given(&mut self, value: i64) -> usize {
        self.push(Node::Given(value), value)
    }

    /// Adds a calculation, if it comes out even.
    pub(crate) fn step(&mut self, operation: Operation, left: usize, right: usize) -> Option<usize> {
        let value = apply(operation, self.values[left], self.values[right])?;
        (1..=LARGEST).contains(&value).then(|| self.push(Node::Step(operation, left, right), value))
    }

    /// The value of a node.
    pub(crate) fn value(&self, node: usize) -> i64 {
        self.values[node]
    }

    fn push(&mut self, node: Node, value: i64) -> usize {
        self.nodes.push(node);
        self.values.push(value);
        self.nodes.len() - 1
    }
}

/// The result of a calculation, if it is whole.
pub fn apply(operation: Operation, left: i64, right: i64) -> Option<i64> {
    match operation {
        Operation::Add => left.checked_add(right),
        Operation::Subtract => left.checked_sub(right).filter(|it| *it >= 0),
        Operation::Multiply => left.checked_mul(right),
        Operation::Divide => (right > 0 && left % right == 0).then(|| left / right),
        Operation::Percent => left.checked_mul(right).filter(|it| it % 100 == 0).map(|it| it / 100),
    }
}
