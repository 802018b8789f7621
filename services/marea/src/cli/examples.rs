//! Examples for the help of each command.

/// Commands that have examples.
pub const NAMES: [&str; 19] = [
    "up",
    "apply",
    "status",
    "list",
    "get",
    "diff",
    "delete",
    "revert",
    "logs",
    "check",
    "contest",
    "vote",
    "score",
    "cast",
    "dead-letter",
    "tenant",
    "token",
    "doctor",
    "completion",
];

/// The examples of a command; of `""`: of the program.
pub fn of(name: &str) -> &'static str {
    match name {
        "up" => UP,
        "apply" => APPLY,
        "status" => STATUS,
        "list" => LIST,
        "get" => GET,
        "diff" => DIFF,
        "delete" => DELETE,
        "revert" => REVERT,
        "logs" => LOGS,
        "check" => CHECK,
        "contest" => CONTEST,
        "vote" => VOTE,
        "score" => SCORE,
        "cast" => CAST,
        "dead-letter" => DEAD_LETTER,
        "tenant" => TENANT,
        "token" => TOKEN,
        "doctor" => DOCTOR,
        "completion" => COMPLETION,
        _ => ALL,
    }
}

const ALL: &str = "\
Examples:
  marea up --demo                          everything in one process, with a sample task and two contests
  marea apply -f k8s/ --wait               send a folder, see it become healthy
  marea status my-app                      what it is doing
  marea delete my-app                      remove everything that it made
  marea contest init songs                 a contest of your own; then: up --contests .
  marea cast songs.csv                     a file of ballots

Exit codes: 0 ok, 1 failed or rejected, 2 usage, 3 timed out, 4 no server
Variables:  MAREA_SERVER, MAREA_TOKEN, NO_COLOR";

const UP: &str = "\
Examples:
  marea up                                 the simulated cluster, data in ./.marea
  marea up --demo --ephemeral              the sample task, and nothing kept
  marea up --kube-context kind-dev         a real cluster
  marea up --config up.yaml                a file of settings; what holds: --print-config
  marea up --amqp amqp://localhost --redis redis://localhost --blobs s3://bucket/prefix";

const APPLY: &str = "\
Examples:
  marea apply -f k8s/ --wait               the task is called `k8s`; sent again, it gets a new revision
  marea apply -f app.yaml --name shop      one file
  kubectl kustomize . | marea apply -f - --name shop
  marea apply -f k8s/ --on-failure revert  go back by itself when it does not become healthy";

const STATUS: &str = "\
Examples:
  marea status                             every task
  marea status shop                        one task, by name, id or the end of its id
  marea status shop --watch                each change as it happens
  marea status shop --events               its way, with times
  marea status shop -o json | jq .state";

const LIST: &str = "\
Examples:
  marea list --state failed
  marea list -o name | xargs marea delete";

const GET: &str = "\
Examples:
  marea get shop                           the files as sent
  marea get shop --rendered                what is applied, with what was added
  marea get shop --revision 2 --report     what validation said of revision 2";

const DIFF: &str = "\
Examples:
  marea diff -f k8s/                       against the task `k8s`
  marea diff -f app.yaml --name shop --confirm-prune
  marea diff --name shop --revision 1      revision 1 against the highest";

const DELETE: &str = "\
Examples:
  marea delete shop --wait
  marea delete 4be1c2 9a77d0               by the ends of ids";

const REVERT: &str = "\
Examples:
  marea revert shop                        to the revision that was healthy before
  marea revert shop --to 3 --wait
  marea revert shop --confirm-prune        also where most of its objects go";

const LOGS: &str = "\
Examples:
  marea logs shop                          every pod of the task, 20 containers at most
  marea logs shop Deployment/web -f        one object's, and go on
  marea logs shop Pod/web-7d4b9-x2x7q --container web --tail 20";

const CHECK: &str = "\
Examples:
  marea check k8s/                         exit code 0: clean, 1: problems
  marea check --policy restricted app.yaml
  marea check --diff app.yaml              what the server would add
  helm template . | marea check -o json -";

const CONTEST: &str = "\
Examples:
  marea contest init songs                 a commented file to begin with: songs.yaml
  marea contest check songs.yaml           exit code 0: clean, 1: problems
  marea contest generate bands -n 1000 --seed 7 > bands.ndjson
  marea contest standings bands --watch    who leads, as it changes
  marea contest log bands name='Alux Nahual' --limit 10
  marea contest audit bands                where every accepted ballot is
  marea contest close bands --at 2026-12-01T00:00:00Z";

const VOTE: &str = "\
Examples:
  marea vote name='Alux Nahual' album=Leyenda year=1989 rank=5
  marea vote songs song=Tierra genre=marimba stars=5 --voter ana
  marea vote songs song=Tierra genre=marimba stars=5 --id ana-1    sent again, it counts once";

const SCORE: &str = "\
Examples:
  marea score student='Ana Xicay' age=20 faculty=agronomy discipline=boxing outcome=winner
  marea score olympics student='Luis Tzoc' age=21 faculty=engineering discipline=swimming";

const CAST: &str = "\
Examples:
  marea cast bands.ndjson                  to the contest `bands`
  marea cast day-1.csv --contest bands     the first line names the fields
  marea cast bands.ndjson                  again after Ctrl-C: goes on where it stopped

How far it came stands in FILE.marea-cast beside the file until the end. It holds for the installation
that it was begun at: on another one, and after `up --reset` or `--ephemeral`, the cast begins anew.";

const DEAD_LETTER: &str = "\
Examples:
  marea dead-letter list
  marea dead-letter requeue ID             after the cause is gone";

const TENANT: &str = "\
Examples:
  marea tenant set shop --namespace shop --policy restricted
  marea tenant list";

const TOKEN: &str = "\
Examples:
  marea token create --tenant shop --scope read --scope write --expires 30d --note ci
  marea token revoke ID";

const DOCTOR: &str = "\
Examples:
  marea doctor
  marea doctor --server https://marea.example.org";

const COMPLETION: &str = "\
Examples:
  source <(marea completion bash)
  marea completion zsh > ~/.zfunc/_marea
  marea completion fish > ~/.config/fish/completions/marea.fish";

/// Examples of the commands about contests.
pub const CONTESTS: [(&str, &str); 13] = [
    ("init", "  marea contest init songs\n  marea contest init gala --kind scores --print"),
    ("check", "  marea contest check songs.yaml\n  marea contest check -o json contests/"),
    (
        "generate",
        "  marea contest generate bands -n 1000 --seed 7 > bands.ndjson\n  marea contest generate songs.yaml --hostile",
    ),
    ("list", "  marea contest list\n  marea contest list -o name"),
    ("show", "  marea contest show bands\n  marea contest show bands -o json | jq .definition.tallies"),
    ("open", "  marea contest open bands\n  marea contest open bands --at 2026-12-01T00:00:00Z"),
    ("close", "  marea contest close bands\n  marea contest close bands --at 2026-12-24T18:00:00Z"),
    ("standings", "  marea contest standings bands --watch\n  marea contest standings bands --tally albums --top 5"),
    ("log", "  marea contest log bands name='Alux Nahual' --limit 10\n  marea contest log bands --verdict over_limit"),
    ("audit", "  marea contest audit bands\n  marea contest audit bands -o json | jq .settled"),
    ("verify", "  marea contest verify bands"),
    ("rebuild", "  marea contest rebuild bands"),
    ("export", "  marea contest export bands --format csv > bands.csv"),
];
