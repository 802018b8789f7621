use super::{Counted, SubscriberExt, count_panics, install_metrics, render_metrics};

fn shown(series: &str) -> Option<u64> {
    let metrics = render_metrics();
    metrics.lines().find_map(|line| line.strip_prefix(series)).map(|count| count.trim().parse().unwrap())
}

#[test]
fn lines_and_panics_are_counted_from_zero() {
    install_metrics();
    let counted = tracing_subscriber::registry().with(Counted::new());
    let lines = || ["ERROR", "WARN"].map(|level| shown(&format!("log_lines_total{{level=\"{level}\"}}")));
    assert_eq!(lines(), [Some(0), Some(0)]);
    tracing::subscriber::with_default(counted, || {
        tracing::error!("one");
        tracing::warn!("two");
        tracing::warn!("three");
        tracing::info!("not counted");
    });
    assert_eq!(lines(), [Some(1), Some(2)]);

    count_panics();
    // Other tests may panic on purpose beside it.
    let before = shown("panics_total").unwrap();
    std::panic::catch_unwind(|| panic!("on purpose")).unwrap_err();
    assert!(shown("panics_total").unwrap() > before);
}
