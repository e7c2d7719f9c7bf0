//! The places of entries in streamed `reasoning_details`: clients put the pieces of a list together by them.

/// The entries that were written of each choice.
#[derive(Debug, Default)]
pub(super) struct Proofs(Vec<OfChoice>);

#[derive(Debug)]
struct OfChoice {
    choice: u64,
    entries: usize,
    /// More of the last entry's proof may follow.
    goes_on: bool,
}

impl Proofs {
    /// The place of a proof, or of a piece of the one before it.
    pub(super) fn place(&mut self, choice: u64, redacted: bool) -> usize {
        let of = self.of(choice);
        if !of.goes_on || redacted {
            of.entries += 1;
        }
        // What is withheld comes in one piece.
        of.goes_on = !redacted;
        of.entries - 1
    }

    /// Notes that something else was said: a proof that follows is another's.
    pub(super) fn end(&mut self, choice: u64) {
        if let Some(of) = self.0.iter_mut().find(|of| of.choice == choice) {
            of.goes_on = false;
        }
    }

    fn of(&mut self, choice: u64) -> &mut OfChoice {
        let known = self.0.iter().position(|of| of.choice == choice).unwrap_or_else(|| {
            self.0.push(OfChoice { choice, entries: 0, goes_on: false });
            self.0.len() - 1
        });
        &mut self.0[known]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_proof_have_one_place_and_each_proof_its_own() {
        let mut proofs = Proofs::default();
        let mut found = vec![proofs.place(0, false), proofs.place(0, false)];
        proofs.end(0);
        found.extend([proofs.place(0, false), proofs.place(0, true), proofs.place(0, true), proofs.place(0, false)]);
        proofs.end(7);
        found.push(proofs.place(1, true));
        assert_eq!(found, [0, 0, 1, 2, 3, 4, 0]);
    }
}
