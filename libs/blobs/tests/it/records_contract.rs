//! What records do on every store.

use std::{collections::BTreeSet, sync::Arc};

use blobs::{
    Blobs, Error, Records,
    records::{Idempotent, NameClaim, NamespaceClaim, UNBACKED_AFTER},
};
use bytes::Bytes;
use contests::{Definition, Gate, gate::Step};
use domain::{
    Action, Command, Options, Outcome, Rendered, Revision, SourceFile, TaskId, TaskKey, TaskName, Tenant, TenantName,
    access::{Scope, Token},
    record::Ending,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

type Store = Arc<dyn Blobs>;

pub fn tenant() -> TenantName {
    "acme".parse().expect("a label")
}

pub fn name(text: &str) -> TaskName {
    text.parse().expect("a label")
}

pub fn key(id: TaskId) -> TaskKey {
    TaskKey { tenant: tenant(), id }
}

pub fn command(id: TaskId, revision: Revision) -> Command {
    let sources = vec![SourceFile { name: "a.yaml".into(), content: "kind: ConfigMap".into() }];
    Command {
        tenant: tenant(),
        task: id,
        name: name("demo"),
        revision,
        action: Action::Apply { sources },
        options: Options::default(),
        created: Timestamp::now(),
        actor: "local".into(),
        traceparent: None,
        idempotency: None,
    }
}

pub fn outcome(ending: Ending) -> Outcome {
    Outcome {
        ending,
        time: Timestamp::UNIX_EPOCH,
        problems: vec![],
        objects: vec![],
        observed: 0,
        kept: vec![],
        live: None,
        finished_jobs: Default::default(),
    }
}

pub async fn a_number_is_taken_once(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    let rivals: Vec<_> = (0..6).map(|n| Command { actor: n.to_string(), ..command(id, 1) }).collect();
    let won = join_all(rivals.iter().map(|c| records.create_command(c))).await;
    let won: Vec<_> = rivals.iter().zip(won).filter(|(_, w)| *w.as_ref().expect("an answer")).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(records.command(&key(id), 1).await.expect("a read").as_ref(), Some(won[0].0));
}

pub async fn a_command_sent_again_is_not_taken_by_another(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    let first = command(id, 1);
    assert!(records.create_command(&first).await.expect("a create"));
    assert!(records.create_command(&first).await.expect("a create"));
}

pub async fn the_highest_is_the_highest_command(store: Store) {
    let (records, id) = (Records::new(store), TaskId::new());
    let key = key(id);
    assert_eq!(records.highest(&key).await.expect("a list"), None);
    let all: Vec<_> = [1, 2, 10].map(|n| command(id, n)).into();
    for command in all.iter().rev() {
        records.create_command(command).await.expect("a create");
    }
    records.put_outcome(&key, 11, &outcome(Ending::Applied)).await.expect("a put");
    records.create_command(&command(TaskId::new(), 12)).await.expect("a create");
    assert_eq!(records.highest(&key).await.expect("a list"), Some(10));
    assert_eq!(records.commands(&key).await.expect("a read"), all);
    let contents = records.contents(&key).await.expect("a list");
    assert_eq!(contents.keys().copied().collect::<Vec<_>>(), [1, 2, 10, 11]);
    assert!(contents[&10].command && !contents[&10].outcome && contents[&11].outcome);
    assert_eq!(records.outcomes(&key).await.expect("a read").into_keys().collect::<Vec<_>>(), [11]);
}

pub async fn the_first_outcome_holds(store: Store) {
    let (records, key) = (Records::new(store), key(TaskId::new()));
    let endings = [Ending::Failed, Ending::Applied, Ending::Superseded].map(outcome);
    let told = join_all(endings.iter().map(|o| records.put_outcome(&key, 1, o))).await;
    let held = records.outcome(&key, 1).await.expect("a read").expect("an outcome");
    assert!(told.into_iter().all(|o| o.expect("an answer") == held));
}

pub async fn what_is_rendered_first_holds(store: Store) {
    let (records, key) = (Records::new(store), key(TaskId::new()));
    let rendered = |line: &str| Rendered { added: vec![line.to_owned()], ..Rendered::default() };
    assert!(records.put_rendered(&key, 1, &rendered("first")).await.expect("a put"));
    assert!(!records.put_rendered(&key, 1, &rendered("second")).await.expect("a put"));
    assert_eq!(records.rendered(&key, 1).await.expect("a read"), Some(rendered("first")));
}

pub async fn notes_are_overwritten(store: Store) {
    let (records, key) = (Records::new(store), key(TaskId::new()));
    for note in ["one", "two"] {
        records.put_note(&key, 1, "applied", &note).await.expect("a put");
    }
    assert_eq!(records.note::<String>(&key, 1, "applied").await.expect("a read"), Some("two".to_owned()));
    assert_eq!(records.highest(&key).await.expect("a list"), None);
}

pub async fn a_corrupt_record_says_so_and_quotes_nothing(store: Store) {
    let (records, key) = (Records::new(store.clone()), key(TaskId::new()));
    let place = format!("{}/tasks/{}/000001/command", key.tenant, key.id);
    store.put(&place, Bytes::from_static(b"{\"tenant\":\"S3cret!\"}")).await.expect("a put");
    let single = records.command(&key, 1).await.expect_err("corrupt");
    let many = records.commands(&key).await.expect_err("corrupt");
    for error in [single, many] {
        assert!(matches!(&error, Error::Corrupt { key, .. } if *key == place), "{error}");
        assert!(!error.to_string().contains("S3cret"), "{error}");
    }
}

pub async fn a_name_has_one_holder(store: Store) {
    let (records, [a, b]) = (Records::new(store), [TaskId::new(), TaskId::new()]);
    let claim = |id| records.claim_name_of("demo", id);
    assert_eq!(claim(a).await, NameClaim::Claimed);
    assert_eq!(claim(a).await, NameClaim::Claimed);
    assert_eq!(claim(b).await, NameClaim::Taken(a));
    assert_eq!(records.claim_name_of("demo-2", b).await, NameClaim::Claimed);
    assert_eq!(records.name_holder(&tenant(), &name("demo")).await.expect("a read"), Some(a));
}

/// The calls of these tests, with the tenant and the `expect` left out.
trait Claims {
    async fn claim_name_of(&self, text: &str, id: TaskId) -> NameClaim;
    async fn reclaim_from(&self, from: TaskId, id: TaskId) -> NameClaim;
}

impl Claims for Records {
    async fn claim_name_of(&self, text: &str, id: TaskId) -> NameClaim {
        self.claim_name(&tenant(), &name(text), id).await.expect("an answer")
    }

    async fn reclaim_from(&self, from: TaskId, id: TaskId) -> NameClaim {
        self.reclaim(&tenant(), &name("demo"), from, id).await.expect("an answer")
    }
}

pub async fn a_name_is_reclaimed_from_its_last_holder_only(store: Store) {
    let (records, [a, b, c]) = (Records::new(store), [TaskId::new(), TaskId::new(), TaskId::new()]);
    records.claim_name_of("demo", a).await;
    assert_eq!(records.reclaim_from(a, b).await, NameClaim::Claimed);
    assert_eq!(records.reclaim_from(a, c).await, NameClaim::Taken(b));
    assert_eq!(records.claim_name_of("demo", a).await, NameClaim::Taken(b));
    assert_eq!(records.reclaim_from(b, a).await, NameClaim::Claimed);
    // By its link: whoever judged an earlier one takes nothing.
    let link = records.name_claimed(&tenant(), &name("demo")).await.expect("a read").expect("claimed").0;
    assert!(!records.reclaim_link(&tenant(), &name("demo"), link - 1, b).await.expect("an answer"));
    assert!(records.reclaim_link(&tenant(), &name("demo"), link, c).await.expect("an answer"));
    assert_eq!(records.claim_name_of("demo", b).await, NameClaim::Taken(c));
}

pub async fn racing_claims_of_a_name_have_one_winner(store: Store) {
    let records = Records::new(store);
    let first = TaskId::new();
    records.claim_name_of("demo", first).await;
    let ids: Vec<_> = (0..6).map(|_| TaskId::new()).collect();
    let claims = join_all(ids.iter().map(|id| records.reclaim_from(first, *id))).await;
    let holder = records.name_holder(&tenant(), &name("demo")).await.expect("a read").expect("a holder");
    for (id, claim) in ids.iter().zip(claims) {
        let expected = if *id == holder { NameClaim::Claimed } else { NameClaim::Taken(holder) };
        assert_eq!(claim, expected);
    }
}

pub async fn an_idempotency_key_remembers_its_request(store: Store) {
    let (records, [a, b]) = (Records::new(store), [TaskId::new(), TaskId::new()]);
    let ask = |key: &'static str, body: &'static str, id, n| {
        let records = records.clone();
        async move { records.idempotency(&tenant(), key, body, id, n).await.expect("an answer") }
    };
    assert_eq!(ask("aa", "b0", a, 3).await, Idempotent::New);
    assert_eq!(ask("aa", "b0", b, 1).await, Idempotent::Same { id: a, n: 3 });
    assert_eq!(ask("aa", "b1", b, 1).await, Idempotent::OtherBody);
    assert_eq!(ask("ab", "b1", b, 1).await, Idempotent::New);
}

pub async fn tasks_and_tenants_are_listed_in_pages(store: Store) {
    let records = Records::new(store);
    let mut ids: Vec<_> = (0..7).map(|_| TaskId::new()).collect();
    ids.sort();
    for (n, id) in ids.iter().enumerate() {
        let tenant = if n == 6 { "zebra".parse().expect("a label") } else { tenant() };
        records.create_command(&Command { tenant, ..command(*id, 1) }).await.expect("a create");
        records.put_outcome(&key(*id), 1, &outcome(Ending::Applied)).await.expect("a put");
    }
    records.put_tenant(&Tenant::local()).await.expect("a put");
    let first = records.tasks(&tenant(), None, 4).await.expect("a list");
    assert_eq!(first, ids[..4]);
    assert_eq!(records.tasks(&tenant(), Some(first[3]), 4).await.expect("a list"), ids[4..]);
    let tenants = records.tenants().await.expect("a list");
    assert_eq!(tenants.iter().map(TenantName::as_str).collect::<Vec<_>>(), ["acme", "zebra"]);
}

fn owner(name: &str, namespaces: &[&str]) -> Tenant {
    let namespaces = namespaces.iter().map(|n| (*n).to_owned()).collect();
    Tenant { name: name.parse().expect("a label"), namespaces, every_namespace: false, ..Tenant::local() }
}

pub async fn a_namespace_has_one_tenant(store: Store) {
    let (records, now) = (Records::new(store), Timestamp::now());
    let (a, b) = (owner("a", &["shared"]), owner("b", &[]));
    let claim = |tenant: &TenantName| {
        let (records, tenant) = (records.clone(), tenant.clone());
        async move { records.claim_namespace("shared", &tenant, now).await.expect("an answer") }
    };
    assert_eq!(claim(&a.name).await, NamespaceClaim::Claimed);
    assert_eq!(claim(&a.name).await, NamespaceClaim::Kept);
    assert_eq!(claim(&b.name).await, NamespaceClaim::BeingClaimed(a.name.clone()));
    records.put_tenant(&a).await.expect("a put");
    assert_eq!(claim(&b.name).await, NamespaceClaim::Taken(a.name.clone()));
    records.free_namespace("shared", &b.name).await.expect("done");
    assert_eq!(records.namespace_holder("shared").await.expect("a read"), Some(a.name.clone()));
    records.free_namespace("shared", &a.name).await.expect("done");
    assert_eq!(claim(&b.name).await, NamespaceClaim::Claimed);
}

pub async fn a_claim_that_no_record_backs_is_taken_over(store: Store) {
    let (records, now) = (Records::new(store), Timestamp::now());
    let (a, b) = (owner("a", &["shared"]), owner("b", &["shared"]));
    records.claim_namespace("shared", &a.name, now).await.expect("an answer");
    let later = now + UNBACKED_AFTER + UNBACKED_AFTER;
    let claim = records.claim_namespace("shared", &b.name, later).await.expect("an answer");
    assert_eq!(claim, NamespaceClaim::Claimed);
    records.put_tenant(&b).await.expect("a put");
    // However old: a record backs it.
    let claim = records.claim_namespace("shared", &a.name, later + UNBACKED_AFTER * 9).await.expect("an answer");
    assert_eq!(claim, NamespaceClaim::Taken(b.name));
}

pub async fn racing_claims_of_a_namespace_have_one_winner(store: Store) {
    let (records, now) = (Records::new(store), Timestamp::now());
    let names: Vec<TenantName> = (0..8).map(|n| format!("t{n}").parse().expect("a label")).collect();
    let claims = join_all(names.iter().map(|name| records.claim_namespace("shared", name, now))).await;
    let won = claims.into_iter().filter(|c| matches!(c, Ok(NamespaceClaim::Claimed))).count();
    assert_eq!(won, 1);
}

pub async fn racing_changes_of_a_gate_are_all_kept(store: Store) {
    let (records, now) = (Records::new(store), Timestamp::now());
    let change = |contest: String, open: bool, hours: i64| {
        let (records, at) = (records.clone(), now + SignedDuration::from_hours(hours));
        async move { records.change_gate(&contest, |gate| gate.command(Step { open, at }, now)).await }
    };
    for round in 0..5 {
        let contest = format!("c{round}");
        assert_eq!(records.gate(&contest).await.expect("a read"), Gate::default());
        // Whatever comes first, a command voids only what is to come after it: the earliest is always there.
        let changes = join_all((1..=6).map(|hours| change(contest.clone(), hours > 1, hours))).await;
        let mut numbers: Vec<u32> =
            changes.into_iter().map(|c| c.expect("a change").expect("few are to come").0).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        let gate = records.gate(&contest).await.expect("a read");
        assert_eq!(gate.steps[0], Step { open: false, at: now + SignedDuration::from_hours(1) });
        assert_eq!(records.gate_since(&contest, 2).await.expect("a read"), Some((6, gate)));
        assert_eq!(records.gate_since(&contest, 6).await.expect("a read"), None);
    }
}

pub async fn racing_starts_get_one_installation(store: Store) {
    let records = Records::new(store);
    let ids = join_all((0..4).map(|_| records.installation())).await;
    let ids: Vec<_> = ids.into_iter().map(|id| id.expect("an id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(records.tenants().await.expect("a list"), []);
}

pub async fn a_contest_is_withdrawn_once_and_restored(store: Store) {
    let records = Records::new(store);
    let since = async || records.withdrawn("mine").await.expect("a read");
    assert_eq!(since().await, None);
    for second in [1, 2] {
        records.withdraw("mine", Timestamp::from_second(second).expect("small")).await.expect("a note");
        assert_eq!(since().await, Some(Timestamp::from_second(1).expect("small")));
    }
    for _ in 0..2 {
        records.restore("mine").await.expect("a note");
        assert_eq!(since().await, None);
    }
    assert!(records.contest_names().await.expect("a list").is_empty());
}

pub async fn access_records_come_and_go(store: Store) {
    let records = Records::new(store);
    let tenant = Tenant::local();
    let token = |id: &str| Token {
        id: id.into(),
        hash: "00".into(),
        tenant: tenant.name.clone(),
        scopes: BTreeSet::from([Scope::Read]),
        expires: None,
        created: Timestamp::UNIX_EPOCH,
        note: String::new(),
    };
    records.put_tenant(&tenant).await.expect("a put");
    for id in ["b", "a"] {
        records.put_token(&token(id)).await.expect("a put");
    }
    assert_eq!(records.tenant(&tenant.name).await.expect("a read").as_ref(), Some(&tenant));
    assert_eq!(records.access_tenants().await.expect("a list"), std::slice::from_ref(&tenant));
    assert_eq!(records.tokens().await.expect("a list"), [token("a"), token("b")]);
    records.delete_token("a").await.expect("a delete");
    records.delete_tenant(&tenant.name).await.expect("a delete");
    assert_eq!(records.token("a").await.expect("a read"), None);
    assert_eq!(records.tenant(&tenant.name).await.expect("a read"), None);
    records.ready().await.expect("the store answers");
}

pub async fn a_token_id_is_no_path(store: Store) {
    let records = Records::new(store.clone());
    store.put("_access/tenants/local", Bytes::from_static(b"{}")).await.expect("a put");
    let endless = "a".repeat(65);
    for id in ["", ".", "..", "../tenants/local", "a/b", "%2e", "ä", &endless] {
        assert_eq!(records.token(id).await.expect("no such token"), None, "{id}");
        records.delete_token(id).await.expect("no such token");
    }
    assert!(store.get("_access/tenants/local").await.expect("a read").is_some());
}

pub async fn a_tally_keeps_its_meaning_under_its_name(store: Store) {
    let records = Records::new(store);
    let of = |tallies: &str| {
        let file = format!(
            "name: c\ntitle: C\nkind: votes\nfields: {{a: {{type: string}}, b: {{type: string}}}}\ntallies: {{{tallies}}}"
        );
        Definition::parse(&file).expect("a contest")
    };
    let (first, second) = (of("one: {by: [a]}"), of("other: {by: [b]}"));
    records.put_definition(&first).await.expect("stored");
    records.put_definition(&second).await.expect("a tally was dropped, and another came");
    // The counters of the first are still there.
    let refused = records.put_definition(&of("one: {by: [b]}")).await.expect_err("two meanings of one name");
    assert!(refused.to_string().starts_with("rename the tally `one`"), "{refused}");
    assert_eq!(records.current_revision("c").await.expect("a read"), Some(second.revision()));
    records.put_definition(&first).await.expect("back to the first");
}
