use super::*;

crate::settings! {
    /// What the tests set.
    pub struct Sample {
        /// A text.
        name: String = "marea".into(),
        /// A number.
        count: u64 = 3,
        /// A switch.
        loud: bool = false,
        /// A list.
        origins: Vec<String> = vec![],
    }
}

fn layers() -> Layers {
    let mut layers = Layers::default();
    layers.declare::<Sample>();
    layers
}

fn with_variables(variables: &[(&str, &str)]) -> Result<Sample, ConfigError> {
    let mut layers = layers();
    layers.environment(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))?;
    layers.get()
}

#[test]
fn a_later_layer_wins() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("marea.yaml");
    std::fs::write(&file, "name: file\ncount: 7\n").expect("written");
    let mut layers = layers();
    layers.file(&file).expect("a map");
    layers.environment([("MAREA_NAME".to_owned(), "variable".to_owned())].into_iter()).expect("known");
    layers.text("loud", "true", "--loud").expect("known");
    let sample: Sample = layers.get().expect("valid");
    assert_eq!((sample.name.as_str(), sample.count, sample.loud), ("variable", 7, true));
}

#[test]
fn an_unknown_key_is_an_error_that_names_its_place() {
    let error = with_variables(&[("MAREA_NAMES", "x")]).expect_err("unknown").to_string();
    assert_eq!(error, "the variable MAREA_NAMES is not a setting; did you mean `name`? (--help lists all)");
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("marea.yaml");
    std::fs::write(&file, "colour: red\n").expect("written");
    assert!(layers().file(&file).expect_err("unknown").to_string().contains("marea.yaml: `colour` is not a setting"));
}

#[test]
fn the_command_line_s_variables_are_passed_over_and_no_other() {
    assert!(with_variables(&[("MAREA_SERVER", "x"), ("MAREA_TOKEN", "x"), ("MAREA_CONFIG", "x")]).is_ok());
    for unknown in ["MAREA_SERVERS", "MAREA_OUTPUT", "MAREA_TEST", "MAREA_"] {
        assert!(with_variables(&[(unknown, "x")]).is_err(), "{unknown}");
    }
}

#[test]
fn a_wrong_type_is_an_error() {
    assert_eq!(
        with_variables(&[("MAREA_COUNT", "many")]).expect_err("not a number").to_string(),
        "the variable MAREA_COUNT: expected a whole number"
    );
}

#[test]
fn variables_of_kubernetes_services_are_passed_over() {
    let variables = [
        ("MAREA_ENTRYPOINT_SERVICE_HOST", "10.0.0.1"),
        ("MAREA_ENTRYPOINT_PORT", "tcp://10.0.0.1:80"),
        ("MAREA_ENTRYPOINT_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("MAREA_TOKEN", "x"),
        ("HOME", "/"),
        ("MAREA_ORIGINS", "https://a.example, https://b.example"),
    ];
    assert_eq!(with_variables(&variables).expect("valid").origins, ["https://a.example", "https://b.example"]);
}

#[test]
fn what_is_set_elsewhere_is_refused_with_what_holds_instead() {
    let mut layers = layers();
    layers.refuse(&[("targets", "there is one cluster")]);
    let variables = [("MAREA_TARGETS".to_owned(), "a=b".to_owned())];
    let error = layers.environment(variables.into_iter()).expect_err("refused").to_string();
    assert_eq!(error, "the variable MAREA_TARGETS is not used here: there is one cluster");
}
