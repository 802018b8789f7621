use super::*;

crate::settings! {
    /// What the tests set.
    pub struct Sample {
        /// A number.
        count: u64 = 3,
        /// A switch.
        loud: bool = false,
    }
}

const PROGRAM: Program = Program { name: "sample", about: "A sample", version: "0.1.0" };

fn parsed(arguments: &[&str]) -> Result<(Platform, Sample), String> {
    let arguments = std::iter::once("sample").chain(arguments.iter().copied());
    let matches = command::<Sample>(&PROGRAM, |_| true).try_get_matches_from(arguments).map_err(|e| e.to_string())?;
    settings(&matches, |_| true).map_err(|e| e.to_string())
}

#[test]
fn flags_are_settings() {
    let (platform, sample) = parsed(&["--count", "7", "--loud", "--cors-origin", "https://a.example"]).expect("valid");
    assert_eq!((sample.count, sample.loud), (7, true));
    assert_eq!(platform.cors_origin, ["https://a.example"]);
    assert!(parsed(&["--count", "x"]).expect_err("not a number").contains("--count: expected a whole number"));
    assert!(parsed(&["--colour", "red"]).is_err());
}

#[test]
fn help_lists_each_setting_with_its_default() {
    let help = command::<Sample>(&PROGRAM, |_| true).render_long_help().to_string();
    for part in ["--count", "A number. [default: 3]", "--blobs-options", "--print-config", "MAREA_CONFIG"] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn a_printed_configuration_hides_secrets() {
    let (platform, _) = parsed(&["--internal-token", "hunter2", "--amqp", "amqp://u:hunter2@h"]).expect("valid");
    let shown = yaml(&platform, |_| true);
    assert!(shown.contains("amqp: amqp://u:***@h") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_program_without_the_parts_has_no_settings_of_theirs() {
    let alone: Wanted = |key| ALONE.contains(&key);
    let help = command::<Sample>(&PROGRAM, alone).render_long_help().to_string();
    assert!(help.contains("--count") && help.contains("--drain-seconds") && !help.contains("--amqp"), "{help}");
    let parsed = |arguments: &[&str]| command::<Sample>(&PROGRAM, alone).try_get_matches_from(arguments);
    assert!(parsed(&["sample", "--redis", "redis://h"]).is_err());
    let (platform, sample) =
        settings::<Sample>(&parsed(&["sample", "--log", "debug"]).expect("known"), alone).expect("valid");
    assert_eq!((platform.log.as_str(), sample.count), ("debug", 3));
    let shown = yaml(&platform, alone);
    assert!(shown.contains("log: debug") && !shown.contains("amqp"), "{shown}");
}
