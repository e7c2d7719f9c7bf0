//! Times every kernel.

use std::time::Duration;

use benches::kernels::KERNELS;
use criterion::{Criterion, criterion_group, criterion_main};

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    for kernel in &KERNELS {
        let scratch = tempfile::tempdir().expect("a scratch folder can be made");
        let mut work = kernel.prepare(scratch.path()).unwrap_or_else(|fault| panic!("{fault:#}"));
        group.bench_function(kernel.name, |bencher| bencher.iter(&mut work));
    }
    group.finish();
}

fn short() -> Criterion {
    // Seconds, not minutes: this runs with every change. Instruction counts are what a regression shows in.
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_200))
        .sample_size(30)
        .without_plots()
        .configure_from_args()
}

criterion_group! { name = benches; config = short(); targets = kernels }
criterion_main!(benches);
