use super::*;

#[test]
fn every_reference_names_a_type() {
    fn walk(shape: &Shape) {
        assert!(shape.reference.is_some() != shape.primitive.is_some(), "{shape:?}");
        assert!(shape.reference.is_none() || shape.target().is_some(), "{shape:?}");
        shape.items.iter().chain(&shape.values).for_each(|s| walk(s));
    }
    assert!(TYPES.len() > 200);
    TYPES.values().flat_map(|t| t.fields.values()).for_each(walk);
}

#[test]
fn a_list_of_ports_merges_by_port_and_protocol_with_tcp_as_default() {
    let spec = named("io.k8s.api.core.v1.ServiceSpec").expect("ServiceSpec");
    let ports = &spec.fields["ports"];
    assert_eq!(ports.list, Some(ListType::Map));
    assert_eq!(ports.keys, ["port", "protocol"]);
    let port = ports.items.as_ref().and_then(|s| s.target()).expect("ServicePort");
    assert_eq!(port.fields["protocol"].default, Some("TCP".into()));
    assert_eq!(port.required, ["port"]);
}

#[test]
fn a_kind_is_found_by_group_version_and_kind() {
    assert!(of_kind("apps", "v1", "Deployment").is_some());
    assert!(of_kind("", "v1", "ConfigMap").is_some());
    assert!(of_kind("apps", "v1beta1", "Deployment").is_none());
}

#[test]
fn every_allowed_kind_has_a_shape_and_a_tier() {
    for kind in &kinds::ALLOWED {
        assert!(kind.shape().fields.contains_key("metadata"), "{kind:?}");
        assert!(kind.tier < kinds::TIERS);
        assert_eq!(kinds::allowed(&kind.api_version(), kind.kind), Some(kind));
    }
    assert_eq!(kinds::allowed("apps/v1", "DaemonSet"), None);
}

#[test]
fn values_ranges_and_unions_are_added_to_their_fields() {
    let port = named("io.k8s.api.core.v1.ContainerPort").expect("ContainerPort");
    assert_eq!(port.fields["protocol"].values_allowed, ["TCP", "UDP", "SCTP"]);
    assert_eq!(port.fields["containerPort"].range, Some(Range { least: 1, most: 65_535 }));
    let volume = named("io.k8s.api.core.v1.Volume").expect("Volume").union.as_ref().expect("a union");
    assert!(!volume.required && volume.fields.contains(&"emptyDir".into()) && !volume.fields.contains(&"name".into()));
}
