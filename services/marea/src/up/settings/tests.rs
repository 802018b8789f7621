use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command};

fn up(arguments: &[&str]) -> Up {
    let cli = Cli::try_parse_from([&["marea", "up"], arguments].concat()).expect("arguments");
    let Command::Up(options) = cli.command else { panic!("not `up`") };
    *options
}

fn read_with(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(&up(arguments), variables).map_err(|error| error.to_string())
}

#[test]
fn a_flag_comes_before_a_variable_and_a_variable_before_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("up.yaml");
    std::fs::write(&file, "data: kept\nlisten: 127.0.0.1:1\namqp: amqp://file\nrollback_seconds: 7\n")
        .expect("written");
    let file = file.to_str().expect("UTF-8");
    let variables =
        [("MAREA_LISTEN", "127.0.0.1:2"), ("MAREA_AMQP", "amqp://variable"), ("MAREA_KUBE_CONTEXT", "kind")];
    let set = read_with(&["--config", file, "--amqp", "amqp://flag"], &variables).expect("settings");
    assert_eq!((set.own.data.to_str(), set.own.listen.port()), (Some("kept"), 2));
    assert_eq!((set.platform.amqp.expose(), set.own.kube_context.as_str()), ("amqp://flag", "kind"));
    assert_eq!((set.applier.rollback_seconds, set.platform.log.as_str(), set.page.secure_cookie), (7, "warn", false));
}

#[test]
fn what_one_process_has_no_use_for_is_refused_with_what_holds_instead() {
    for (key, instead) in ELSEWHERE.into_iter().filter(|(key, _)| *key != "server") {
        let variable = format!("MAREA_{}", key.to_uppercase());
        let refused = read_with(&[], &[(&variable, "1")]).err().expect("refused");
        assert_eq!(refused, format!("the variable {variable} is not used here: {instead}"));
    }
    // It names the server of the command line.
    assert!(read_with(&[], &[("MAREA_SERVER", "http://127.0.0.1:1")]).is_ok());
}

#[test]
fn each_setting_of_a_service_is_printed_or_refused() {
    let printed = read_with(&[], &[]).expect("settings").printed();
    let services = [entrypoint::Config::HELP, yaml_manager::Config::HELP, cluster_applier::Config::HELP].concat();
    let more = [status_worker::Config::HELP, ingest::Config::HELP, tally::Config::HELP, console::Config::HELP].concat();
    for (key, _) in services.into_iter().chain(more).chain(Platform::HELP.iter().copied()) {
        let lines = printed.lines().filter(|line| line.starts_with(&format!("{key}:"))).count();
        assert_eq!(lines, usize::from(is_used(key)), "{key}: {printed}");
    }
}

#[test]
fn the_help_lists_what_has_no_flag() {
    let help = without_flags();
    assert!(help.contains("rollback_seconds") && help.contains("draw_key"), "{help}");
    assert!(!help.contains("amqp") && !help.contains("internal_token"), "{help}");
}

#[test]
fn clusters_are_named_alike_to_both_services_that_know_them() {
    let mut layers = Layers::default();
    layers.declare::<entrypoint::Config>();
    layers.declare::<cluster_applier::Config>();
    layers.text("targets", "west=kind-west,east=kind-east", "the variable").expect("pairs");
    let entry: entrypoint::Config = layers.get().expect("valid");
    let applier: cluster_applier::Config = layers.get().expect("valid");
    assert_eq!((&entry.targets, entry.targets["west"].as_str()), (&applier.targets, "kind-west"));
}
