use super::*;

fn added(text: &str) -> Vec<String> {
    let rendered = rendering(text).rendered.unwrap_or_else(|| panic!("{text}: {:#?}", rendering(text).problems));
    rendered.added.into_iter().filter(|a| a.starts_with("HPA")).collect()
}

const HPA: &str = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: worker}\nspec: {maxReplicas: 2, \
    scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: TARGET}}\n";

#[test]
fn the_worker_gets_an_autoscaler_unless_it_has_one_or_opts_out() {
    let worker = |metadata: &str, spec: &str| deployment("worker", metadata, spec, "");
    let annotated = |annotations: &str| worker(&format!("annotations: {{{annotations}}}"), "replicas: 3,");
    for (text, expected) in [
        (worker("", "replicas: 3,"), "HPA worker: 3 to 15 pods, 70 % CPU"),
        (worker("", ""), "HPA worker: 1 to 5 pods, 70 % CPU"),
        (worker("", "replicas: 20,"), "HPA worker: 20 to 50 pods, 70 % CPU"),
        (deployment("my-worker", "", "", ""), "HPA my-worker: 1 to 5 pods, 70 % CPU"),
        (deployment("a", "labels: {app.kubernetes.io/component: worker}", "", ""), "HPA a: 1 to 5 pods, 70 % CPU"),
        (deployment("a", "labels: {marea.dev/role: worker}", "", ""), "HPA a: 1 to 5 pods, 70 % CPU"),
        (deployment("a", "annotations: {marea.dev/role: worker}", "", ""), "HPA a: 1 to 5 pods, 70 % CPU"),
        (
            annotated("marea.dev/min-replicas: '2', marea.dev/max-replicas: '9', marea.dev/cpu-percent: '50'"),
            "HPA worker: 2 to 9 pods, 50 % CPU",
        ),
        (annotated("marea.dev/autoscale: 'false'"), ""),
        (annotated("marea.dev/autoscale: 'true'"), "HPA worker: 3 to 15 pods, 70 % CPU"),
        (deployment("web", "", "", ""), ""),
        (worker("", "") + HPA.replace("TARGET", "worker").as_str(), ""),
        (worker("", "") + HPA.replace("TARGET", "web").as_str(), "HPA worker-auto: 1 to 5 pods, 70 % CPU"),
        (format!("{}---\n{}", worker("", ""), deployment("b-worker", "", "", "")), ""),
        (
            format!("{}---\n{}", worker("", ""), deployment("b", "labels: {marea.dev/role: worker}", "", "")),
            "HPA b: 1 to 5 pods, 70 % CPU",
        ),
    ] {
        assert_eq!(added(&text).join("|"), expected, "{text}");
    }
}

#[test]
fn an_autoscaler_that_cannot_be_is_said() {
    let code = |text: &str| rendering(text).problems.iter().map(|p| p.code.clone()).collect::<Vec<_>>();
    assert_eq!(code(&deployment("worker", "", "replicas: 0,", "")), ["no_autoscaler"]);
    assert_eq!(code(&deployment("worker", "", "replicas: 60,", "")), ["no_autoscaler"]);
    assert_eq!(
        code(&deployment("worker", "annotations: {marea.dev/max-replicas: '51'}", "", "")),
        ["annotation_value"]
    );
    assert_eq!(
        code(&deployment("worker", "annotations: {marea.dev/max-replicas: '2'}", "replicas: 3,", "")),
        ["annotation_value"]
    );
    let mut none = Tenant::local();
    none.default_requests.cpu.clear();
    let found = rendered_by(&none, &deployment("worker", "", "", ""));
    assert_eq!((found.problems[0].code.as_str(), found.rendered.unwrap().objects.len()), ("no_autoscaler", 1));
    let limited = rendered_by(&none, &deployment("worker", "", "", "resources: {limits: {cpu: 1}}"));
    assert_eq!(limited.rendered.unwrap().objects.len(), 2);
}

#[test]
fn the_autoscaler_is_a_manifest_that_passes_its_own_checks() {
    let hpa = objects(&rendering(&deployment("worker", "", "replicas: 3,", ""))).remove(1);
    assert_eq!((&hpa["spec"]["minReplicas"], &hpa["spec"]["maxReplicas"]), (&3.into(), &15.into()));
    assert_eq!(hpa["metadata"]["labels"]["marea.dev/tenant"], "local");
    let mut plain = hpa.clone();
    plain["metadata"].as_object_mut().unwrap().remove("labels");
    assert!(rendering(&plain.to_string()).rendered.is_some());
    let worker = &objects(&rendering(&deployment("worker", "", "replicas: 3,", "")))[0];
    assert_eq!(worker["spec"]["replicas"], 3);
}
