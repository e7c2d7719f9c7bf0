//! Programming tasks by grade, and the ways to ask for them.

use crate::generate::chance::Rules;

pub(super) const PROGRAMMING: &str = "Python|JavaScript|TypeScript|Java|Go|Rust|C#|C++|Ruby|Kotlin|Swift|PHP|C";

/// Grade and tasks.
pub(super) const BY_GRADE: &[(f64, &str)] = &[
    (
        1.0,
        "print hello world|comment out a line|get the length of a {seq}|define a constant|declare an empty {seq}|read a line from the keyboard|convert a string to a number|\
         join two strings|get the current date|print the numbers from {#1-5} to {#6-20}|check if a string is empty|make a string upper case|round a number|import a module|exit the program",
    ),
    (
        2.0,
        "reverse a string|sum a {seq} of numbers|find the largest of {#3-5} numbers|count the vowels in a word|read a file line by line|sort a {seq} of {record} by {field}|\
         remove duplicates from a {seq}|check whether a number is prime|swap two variables|convert {temp}|merge two {seq}s|filter the {record} with {field} above {#5-90}|format a date as yyyy-mm-dd|\
         get the last {#2-5} characters of a string|count how often each word occurs|check if a word is a palindrome|print a multiplication table up to {#5-12}|split a string at commas",
    ),
    (
        3.0,
        "group {record} by {field}|validate an e-mail address with a regular expression|parse a CSV line without quotes|compute Fibonacci numbers with a loop|write a class for a {record} with {field} and {field}|\
         call a JSON web service and print {field}|retry a function up to {#2-6} times|read settings from a JSON file with defaults|flatten a nested {seq} by one level|find the second largest element|\
         a SQL query for the {#3-9} {record} with the highest {field}|binary search in a sorted {seq}|a unit test for a function that adds {field}|a command line flag for {field}|rotate a matrix by 90 degrees|\
         a stack with push, pop and peek|a regex for a {record} id like AB-{#100-999}",
    ),
    (
        4.0,
        "parse quoted CSV with embedded commas|validate parentheses of three kinds in an expression|paginate {record} from a web service with a cursor|a debounce function with cancel|convert Roman numerals both ways with errors|\
         a linked list with insertion in order of {field}|walk a directory and sum sizes by extension|a SQL query: {field} per month with the change against the month before|read a log and report the {#3-9} slowest {record}|\
         a rate-limited downloader for {record}|deep-compare two nested {record}|a small state machine for the status of a {record}|memoise a function with a size limit|a date range splitter that respects month ends|\
         an undo stack for edits of a {record}",
    ),
    (
        5.0,
        "an LRU cache with O(1) operations and tests|evaluate arithmetic expressions with precedence and unary minus|topologically sort {record} with cycle reporting|Dijkstra over {record} with a priority queue and path output|\
         diff two lists of {record} by {field} and emit minimal edits|a SQL query for gaps and islands in {field} by {record}|an event emitter with once, off and error isolation|parse a subset of TOML with line numbers in errors|\
         a generic retry helper with jitter, a budget and cancellation|stream-merge {#3-9} sorted files of {record}|an interval set with insert, erase and query|a trie with wildcard search over {field}|a migration that splits {field} out of {record}",
    ),
    (
        6.0,
        "a thread-safe bounded queue with timeouts and shutdown|a token bucket shared by many {record}, with fair waiting|a recursive-descent parser with error recovery for a small query language over {record}|\
         an incremental JSON parser that accepts any chunking|an async worker pool with back pressure, per-{record} ordering and graceful stop|a consistent-hash ring with bounded load for {record}|\
         write-behind caching of {record} with coalescing and crash tests|a segment tree with lazy propagation over {field}|a regex engine for concatenation, star and alternation by derivatives|\
         a text diff with moves that is readable on prose|property tests for a codec of {record}, with shrinking",
    ),
    (
        7.0,
        "suffix array construction in O(n log n) with LCP and a proof of the bound|a lock-striped hash map that resizes without stopping readers|max-flow with lower bounds for assigning {record}, and extract a certificate|\
         an incremental garbage collector for a toy VM|operational transformation for edits of {record}, with the transform property tested|a cost-based join orderer for up to {#8-14} tables|\
         a type checker with let-polymorphism and good error messages|a persistent balanced tree of {record} with O(log n) split and join|a timer wheel serving {#2-9} million timers with cancellation|\
         a B+-tree page layout with crash-safe splits|exact floating-point printing and parsing, shortest form",
    ),
    (
        8.0,
        "a wait-free single-producer queue across processes in shared memory, with the memory orders argued|an LSM storage engine with snapshots, compaction and crash recovery for {record}|a Raft implementation with membership changes, and tests that inject partitions|\
         a JIT for a stack VM with register allocation and deoptimisation|a CRDT for ordered {record} with garbage collection of tombstones|an SQL optimiser rule set that decorrelates subqueries, with proofs of equivalence|\
         deterministic simulation testing for a service of {record}, faults included|epoch-based reclamation for a lock-free skip list of {record}|a streaming join of {record} with late data, watermarks and exactly-once output",
    ),
    (
        9.0,
        "a serialisable distributed transaction layer over {record} shards without a central clock, with proof and failure matrix|a verified compiler pass that removes redundant loads under a weak memory model|\
         a byzantine fault-tolerant log for {record} with dynamic membership and bandwidth-optimal catch-up|online schema change of {record} across {#3-7} regions with zero downtime, rollback at any instant, and a refinement proof|\
         a scheduler for heterogeneous accelerators with preemption, fairness bounds and gang scheduling, competitive ratio shown|linearizable geo-replicated counters for {field} with bounded staleness reads and an adversarial test plan|\
         a constant-time big-integer library with machine-checked absence of secret-dependent branches",
    ),
];

/// What the easy and the hard member of a pair ask, on the same thing.
pub(super) const TWINS: &[(&str, &str)] = &[
    (
        "open a file in {l} and print it|{l}: print a file",
        "open a file in {l} such that a crash at any instruction never leaves it half written, on NFS too, and argue why|{l}: print a file larger than memory in sorted order with two passes, and bound the seeks",
    ),
    (
        "count words in {l}|how do I count the words of a string in {l}?",
        "count distinct words of an endless stream in {l} with 1 % error and bounded memory, mergeable, and derive the error|count words in {l} over twelve machines exactly once, with machines failing",
    ),
    (
        "increment a counter in {l}|add one to a variable in {l}",
        "increment a counter in {l} from 64 cores without a contended cache line, linearizable reads, and prove it|increment a counter in {l} shared by five regions, exact under partitions",
    ),
    (
        "sort a list in {l}|{l} sort a list of numbers",
        "sort a list in {l} in place, stably, in O(n log n) with O(1) extra memory, and prove stability|{l}: sort a list that does not fit on one machine with skewed keys, exactly once, and bound the stragglers",
    ),
    (
        "delete a row from a table with SQL, called from {l}|{l}: run a DELETE by id",
        "delete a person's data everywhere, backups, caches, logs and models included, from a {l} estate of nine services, and prove that nothing is left",
    ),
    (
        "make a string lower case in {l}",
        "lower-case and compare strings in {l} correctly for Turkish, Greek final sigma, Lithuanian and normalisation, streaming, with proof of idempotence",
    ),
    (
        "sleep for two seconds in {l}|{l} wait 2 sec",
        "wake within two microseconds of a deadline in {l} on a loaded machine without burning a core: say what stands in the way and build it",
    ),
    (
        "get the time in {l}|print current time {l}",
        "get a time in {l} that never runs backwards across five data centres, orders causally related events, and survives a leap second; implement and prove",
    ),
    (
        "make a {l} list of the numbers 1 to 10",
        "make a {l} list that many threads append to and iterate over without locks, with iteration a consistent snapshot; give the linearization points",
    ),
    (
        "hash a string in {l}",
        "hash strings in {l} so that an attacker who sees timings and picks keys cannot degrade the table; prove the collision bound and make it vectorise",
    ),
    (
        "check if a {l} list contains a value",
        "check membership in {l} among ten billion values, 8 bits each, under deletions and concurrent growth, and derive the false positive rate",
    ),
    (
        "split a string by comma in {l}",
        "split a 400 GB file with quoted commas and embedded newlines in {l} over 32 cores, speculatively, correct on every input; prove the speculation safe",
    ),
    (
        "write hello world in {l}",
        "write hello world in {l} without a runtime, booting on bare metal, and explain every byte of the image",
    ),
    (
        "cache a value in a variable in {l}",
        "cache values in {l} so that no reader ever sees a stale one after its own write, with stampede control across regions; model it and check the invariant",
    ),
];

pub(super) const WORDS: &Rules = &[
    (
        "small",
        "{task} in {l}|{l}: {task}|Write {l} code to {task}.|how do I {task} in {l}|In {l}, how would I go about this: {task}?|{task}, in {l} please|Show me {l} for this: {task}|need this in {l}: {task}|\
         give me a {l} example: {task}|hey can you do this in {l}? {task}|{l} snippet: {task}. no explanation|Please implement in {l}: {task}",
    ),
    (
        "thing",
        "{task} in {l}|{l}: {task}|I need this in {l}: {task}|{task}, in {l} please|Could you write this in {l}? {task}|{l} code for this please: {task}|{task} ({l}), with a short explanation|\
         hey, {l} question: {task}, how?|Show me {l} for this: {task}|implement in {l}: {task}|{task}. {l}, idiomatic",
    ),
    (
        "large",
        "Implement {task} in {l}. {demand}|{l}: {task}. {demand}|{task}, {l}|I need {task} in {l}. {demand}|build {task} ({l})|Design and write {task} in {l}. {demand}|{task}. {demand}",
    ),
    (
        "demand",
        "Explain the invariants.|Only the standard library.|Tests included.|Say where it breaks.|Analyse worst cases.|No unsafe shortcuts, and argue correctness.|Keep it under 300 lines.|Name what you would measure first.|\
         Discuss two alternatives you rejected.|",
    ),
    ("l", PROGRAMMING),
    ("seq", "list|array|vector|sequence"),
    (
        "record",
        "orders|users|invoices|sensor readings|messages|tickets|bookings|documents|payments|devices|accounts|shipments|players|articles",
    ),
    ("field", "price|age|name|amount|timestamp|status|country|score|weight|duration|balance|priority"),
    (
        "temp",
        "Celsius to Fahrenheit|miles to kilometres|seconds to minutes|bytes to megabytes|inches to centimetres|a decimal to binary",
    ),
];
