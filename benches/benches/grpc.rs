//! Times a decision by the engine as the gateway asks for it: in memory and over loopback TCP, with a scorer that costs
//! next to nothing (the round trip alone) and with the trained one.

use std::sync::Arc;
use std::time::Duration;

use benches::engine_fixture::RunningEngine;
use benches::fixtures;
use criterion::{Criterion, criterion_group, criterion_main};
use scorer::{HeuristicScorer, Scorer};

fn decide(criterion: &mut Criterion) {
    let learned = scorer::builtin::load().expect("the built-in scorer loads");
    let scorers: [(&str, Arc<dyn Scorer>); 2] =
        [("round_trip", Arc::new(HeuristicScorer::new())), ("scored_256_tokens", Arc::new(learned))];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let mut group = criterion.benchmark_group("grpc");
    for (name, scorer) in scorers {
        let engine = runtime.block_on(RunningEngine::start(scorer)).expect("an engine starts");
        let question = engine.question(&fixtures::words(200));
        let clients = [
            ("in_memory", runtime.block_on(engine.in_memory()).expect("connects")),
            ("tcp", runtime.block_on(engine.over_tcp()).expect("connects")),
        ];
        for (transport, mut client) in clients {
            group.bench_function(format!("{name}_{transport}"), |bencher| {
                bencher.iter(|| runtime.block_on(client.decide(question.clone())).expect("a decision"));
            });
        }
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500))
        .sample_size(30)
        .without_plots()
        .configure_from_args()
}

criterion_group! { name = benches; config = short(); targets = decide }
criterion_main!(benches);
