//! Hard asks in English.

use crate::generate::chance::Rules;

pub(super) const RULES: &Rules = &[
    (
        "proof",
        "Prove that {claim}.|prove {claim}|Show that {claim}{twist}.|Is it true that {claim}? Prove or refute.|Give two different proofs that {claim}.|Why is it that {claim}? A full proof please.|\
         {claim}: proof{twist}?|I don't buy that {claim}. Convince me rigorously.|Where exactly does the standard proof that {claim} use its hypotheses? Show that each is needed.|How would you prove that {claim}{twist}?",
    ),
    (
        "twist",
        "| without the axiom of choice| from first principles| and say what fails in infinite dimension| by a purely combinatorial argument| constructively, or show that this is impossible| and find the sharp constant",
    ),
    (
        "claim",
        "every finite division ring is a field|the sphere S^2 has no nowhere vanishing vector field|there are infinitely many primes congruent to 1 modulo n|every compact Hausdorff space is normal|pi is transcendental|\
         the free group on two generators embeds in SO(3)|the halting problem is undecidable even for one-counter machines with two counters|every planar graph is 5-choosable|R and R^2 are not homeomorphic|\
         a simple group of order 60 is alternating|the chromatic number of the Kneser graph is n - 2k + 2|the Riemann zeta function has no zeros on the line of real part 1|BPP lies in the second level of the hierarchy|\
         every bounded harmonic function on R^n is constant|a random 3-regular graph is almost surely an expander|the ring of integers of Q(sqrt(-5)) has class number 2|Brownian paths are nowhere differentiable almost surely|\
         every subgroup of a free group is free|a Banach space isometric to its dual need not be a Hilbert space|the graph isomorphism problem is in coAM|no continuous injection maps R^3 into R^2|\
         the Cantor set is universal among compact metric spaces|parity is not computable by polynomial-size constant-depth circuits|any two norms on a finite-dimensional space are equivalent and this fails otherwise|\
         Hall's condition suffices for infinite graphs of finite degree|convex functions on open sets are locally Lipschitz|linear programming duality follows from Farkas|a martingale bounded in L^1 converges almost surely|\
         the group of rational points on an elliptic curve is finitely generated|every tournament has a Hamiltonian path and strong ones a cycle|the sum of two closed sets need not be closed but of a closed and a compact one is|\
         Peano arithmetic cannot prove its own consistency|a closed 1-form on a simply connected manifold is exact|quadratic reciprocity holds for the Jacobi symbol|monotone circuits for clique need superpolynomial size|\
         the Vitali set is not measurable|entropy is maximised by the Gaussian at fixed variance|no voting rule on three options is both strategy-proof and non-dictatorial|every connected compact Lie group has a bi-invariant metric",
    ),
    (
        "system",
        "Design {thing}{under}.|{thing}{under}: how?|how would you build {thing}{under}|Why would {bug}? {dig}|How can {bug}? {dig}|how could {bug}|What is the smallest change that gives us {thing}{under}?|\
         Sketch the protocol for {thing}{under} and prove its safety.|Argue for or against {thing}{under}, with numbers.|find the flaw: {thing}{under}, and we only use timeouts",
    ),
    (
        "under",
        "| with five nines| on unreliable clocks| when any region may vanish| and no operator awake at night| for a tenth of today's cost| with tenants who attack one another| and an auditor who trusts nobody| at a million writes a second",
    ),
    (
        "thing",
        "a globally ordered log without a leader|a rate limiter that is exact across regions|a search index that reindexes itself without downtime|an undo that works across users|a ledger that nobody can fork, us included|\
         a scheduler that is fair to jobs it has never seen|a cache that is never stale|a feature store without training skew|a build system that is hermetic and fast on cold caches|live migration of a stateful service between clouds|\
         a deletion that can be proven|a payment that is exactly once end to end|an allocator with bounded fragmentation|multi-tenant isolation against timing channels|a backup whose restore is always tested|a marketplace auction that bidders cannot game|\
         offline-first sync with access rights that change|a garbage collector for a distributed object graph with cycles|secret rotation nobody notices|a clock that survives a malicious time source|\
         differential privacy for a dashboard that people query all day|a debugger for a program spread over nine services|a replicated state machine that upgrades itself",
    ),
    (
        "bug",
        "a double-checked lock on a plain field fail on ARM|p99 double when we halve the load|a queue that is 70 % utilised melt down after one slow minute|our read-your-writes break only at failover|adding replicas make writes lose data|\
         two correct lock-free structures deadlock when composed|TCP throughput collapse when we add buffers|the garbage collector pause grow with the off-heap cache|snapshot isolation let two doctors go off call|\
         exactly-once delivery double-charge a card|retries turn a blip into an outage|a leader with a valid lease overwrite newer data|consistent hashing send half of the load to one node|our counter lose increments though every access is atomic|\
         a bloom filter get slower as it gets more accurate|health checks kill the only healthy node|a fair mutex halve the throughput|UUID keys ruin our write amplification",
    ),
    (
        "dig",
        "Give the exact interleaving.|Derive it, don't list folklore.|Which invariant is broken, and by whom?|Prove your fix.|How would you show it in a test that never flakes?|Model it in a few lines of TLA+.|",
    ),
    (
        "law",
        "{case} {rule}|{case} Advise both sides.|{case} Who wins, and on which distinction?|Advise: {case}|{case} Does it matter where they sue?",
    ),
    (
        "case",
        "A ship is lost after deviating to save property, not life.|An AI agent accepts an offer its owner had revoked by mail an hour before.|A trustee invests prudently, in breach, at a profit.|A majority shareholder freezes out a minority by a merger at a fair price.|\
         A licence forbids reverse engineering; the bug it hides maims a patient.|Two insurers each cover only what the other does not.|A landlord's guard dog, lent to a tenant, injures a burglar's child.|A settlement is mistaken about a law that is later struck down.|\
         A will leaves all to 'my wife'; the marriage was void and he knew.|Force majeure hits a party that was already late.|A contractor walks off after certified but wrong defects.|A bank pays against documents that it knows, but cannot prove, are forged.|\
         Personal data is anonymised, sold, and re-identified by a third party abroad.|An employee invents at night what her firm would have told her to invent in March.|A patent claims a range; the prior art has one point in it, by accident.|\
         A tax residence changes twice within a year of an exit charge.|A state expropriates by permitting rules that nobody can meet.|A director resigns to take a chance the board had declined unwisely.",
    ),
    (
        "rule",
        "Liability under strict and fault regimes?|Apply English and German law and say where they part.|What remedy, in what amount, and why not the next one?|Argue the appeal.|Which burden of proof decides it?|Distinguish the two leading lines of authority.",
    ),
    (
        "science",
        "{puzzle}|{puzzle} {derive}|Not the textbook line: {puzzle} {derive}|Serious question. {puzzle} {derive}|{puzzle} What would falsify that?",
    ),
    (
        "puzzle",
        "Why is the vacuum energy so small?|why do superconductors expel the field, if resistance is merely zero?|Why does life use one handedness?|Is the arrow of time a boundary condition?|Does the Fed cause the yield curve or read it?|\
         Could consciousness be epiphenomenal and still be reported?|why did multicellularity arise many times but eukaryotes once?|Why can't we renormalise gravity, exactly?|How would you tell a Higgs condensate from a composite one?|\
         Was the demographic transition cause or effect of growth?|why is glass not a crystal in the limit of infinite time?|Do sunspots count as evidence in macroeconomics?|Why is sleep universal if it is so dangerous?|\
         what stops a jet from being laminar at any Reynolds number?|Does randomisation identify anything when units interfere?|Why does turbulence have a dissipation anomaly?|Can an instrument be valid and useless at once?|\
         Is protein folding in vivo under kinetic or thermodynamic control?|How could one date the split of two languages without writing?|Why do deep networks generalise when they can fit noise?",
    ),
    (
        "derive",
        "Derive it.|With equations.|Give the two best answers and the experiment that separates them.|What is the strongest objection?|Quantify.|Steelman the minority view.|",
    ),
];
