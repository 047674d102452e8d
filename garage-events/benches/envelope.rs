//! What every event costs on its way out and on its way in: writing and reading its JSON, and finding who hears it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use garage_events::{Envelope, topology};

const SAMPLES: [(&str, &[u8]); 3] = [
    ("work-order.created", include_bytes!("../tests/samples/work-order.created.json")),
    ("payment.approved", include_bytes!("../tests/samples/payment.approved.json")),
    ("execution.completed", include_bytes!("../tests/samples/execution.completed.json")),
];

fn envelopes(criterion: &mut Criterion) {
    for (name, sample) in SAMPLES {
        criterion.bench_function(&format!("decode {name}"), |bencher| {
            bencher.iter(|| Envelope::from_json(black_box(sample)));
        });
        let Ok(envelope) = Envelope::from_json(sample) else { continue };
        criterion.bench_function(&format!("encode {name}"), |bencher| {
            bencher.iter(|| black_box(&envelope).to_json());
        });
    }
}

fn hearers(criterion: &mut Criterion) {
    criterion.bench_function("who hears an event", |bencher| {
        bencher.iter(|| topology::has_consumers(black_box("payment.refunded")));
    });
}

criterion_group!(benches, envelopes, hearers);
criterion_main!(benches);
