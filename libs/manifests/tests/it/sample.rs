//! The sample task of `docs/samples/swj`, as `marea up --demo` applies it.

use std::{fs, path::Path, time::Instant};

use domain::{SourceFile, TaskId, Tenant, access::Policy};
use manifests::{Rendering, as_sent, check_syntax, render, to_yaml};
use uuid::Uuid;

fn sample() -> Vec<SourceFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/swj");
    let file = |name: &str| SourceFile {
        name: name.into(),
        content: fs::read_to_string(folder.join(name)).expect("the sample is there"),
    };
    ["joiner.yaml", "splitter.yaml", "worker.yaml"].map(file).into()
}

fn rendering(tenant: &Tenant) -> Rendering {
    render(&sample(), tenant, TaskId::from(Uuid::nil()), true)
}

#[test]
fn three_files_hold_five_objects_and_the_worker_gets_an_autoscaler() {
    let Rendering { problems, rendered } = rendering(&Tenant::local());
    assert_eq!(problems, [], "the sample is clean");
    let rendered = rendered.expect("the sample is accepted");
    assert_eq!((sample().len(), rendered.objects.len()), (3, 6));
    assert_eq!(rendered.added[0], "HPA worker: 3 to 15 pods, 70 % CPU");
    let restricted = Tenant { policy: Policy::Restricted, ..Tenant::local() };
    assert!(rendering(&restricted).rendered.is_some());
}

#[test]
fn what_is_rendered_reads_back_as_it_was_written() {
    let rendered = rendering(&Tenant::local()).rendered.expect("the sample is accepted");
    for object in rendered.objects {
        let file = SourceFile { name: "r.yaml".into(), content: to_yaml(&object.manifest) };
        assert_eq!(as_sent(&file), (vec![object.manifest], true));
    }
}

/// Prints what a rendering takes; the bound is for a build without optimisation on a busy machine.
#[test]
fn rendering_is_quick() {
    let (files, tenant) = (sample(), Tenant::local());
    assert!(check_syntax(&files).is_empty());
    let rounds = 200;
    let began = Instant::now();
    for _ in 0..rounds {
        assert!(render(&files, &tenant, TaskId::from(Uuid::nil()), true).rendered.is_some());
    }
    let each = began.elapsed() / rounds;
    eprintln!("rendering the sample: {each:?}");
    assert!(each.as_millis() < 50, "{each:?}");
}
