//! Values of Secrets are nowhere but in the cluster.

use domain::Options;
use serde_json::json;

use crate::world::{World, secret};

const PLANTED: &str = "planted-value-7431";
/// The same in base64, of which the API server makes `data`.
const ENCODED: &str = "cGxhbnRlZC12YWx1ZS03NDMx";

fn holds(text: &str) -> bool {
    text.contains(PLANTED) || text.contains(ENCODED)
}

pub async fn no_text_repeats_a_value(world: World) {
    let mut first = secret("login", "before");
    first["immutable"] = json!(true);
    let applied = world.apply([first]).await;
    assert!(!holds(&format!("{applied:?}")));
    let mut invalid = secret("bad", PLANTED);
    invalid["stringData"] = json!({"not a key": PLANTED});
    let mut unknown = secret("worse", PLANTED);
    unknown["stringDatum"] = json!(PLANTED);
    let mut typed = secret("worst", PLANTED);
    typed["data"] = json!({"password": PLANTED});
    for manifest in [secret("login", PLANTED), invalid, unknown, typed] {
        let refused = world.refused([manifest.clone()]).await;
        assert!(!holds(&format!("{refused:?}")), "{refused:?}");
        let plan = world.session().plan(&world.rendered([manifest]), &[], &Options::default()).await.unwrap();
        assert!(!plan.problems.is_empty());
        assert!(!holds(&format!("{plan:?}")), "{plan:?}");
    }
    let plan = world.session().plan(&world.rendered([secret("new", PLANTED)]), &[], &Options::default()).await.unwrap();
    assert!(!holds(&format!("{plan:?}")), "{plan:?}");
    assert!(plan.changes[0].fields.iter().any(|f| f.field.contains("password")), "{plan:?}");
}
