//! Ends what a test process leaves behind when it dies, however it dies.
//!
//! One `sh` reads a pipe whose other end only this process holds (pipes of the standard library are
//! closed on exec). The pipe's end is the signal: the kernel closes it even after SIGKILL. A parent
//! death signal would need unsafe code here and fires when the *thread* that spawned ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Keeps groups and folders, one a line, and ends them at the end of its input.
const SCRIPT: &str = r#"
set -f
trap '' HUP INT TERM
groups=' '; folders=''
IFS='
'
while read -r line; do
  what=${line%% *}; arg=${line#* }
  case $what in
    group) groups="$groups$arg " ;;
    group-ended) groups="${groups%% "$arg" *} ${groups#* "$arg" }" ;;
    folder) folders="$folders$arg
" ;;
    folder-gone) rest=''
      for folder in $folders; do [ "$folder" = "$arg" ] || rest="$rest$folder
"; done
      folders=$rest ;;
  esac
done
IFS=' '
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
IFS='
'
# Again where what is being killed still wrote into one.
for folder in $folders; do rm -rf -- "$folder" 2>/dev/null || { sleep 1; rm -rf -- "$folder"; }; done
"#;

/// Never waited for: it outlives this process.
static SHELL: LazyLock<Mutex<Child>> = LazyLock::new(|| {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: what kills the test's group (Ctrl-C, a runner's time-out) must not kill this first.
    Mutex::new(shell.process_group(0).spawn().expect("every Unix has /bin/sh"))
});

fn tell(line: &str) {
    let mut shell = SHELL.lock().unwrap_or_else(PoisonError::into_inner);
    let pipe = shell.stdin.as_mut().expect("its standard input was asked to be a pipe");
    pipe.write_all(line.as_bytes()).expect("the reaper lives as long as this process");
}

/// Kills the process group when this process dies.
pub(crate) fn kill_at_end(group: u32) {
    tell(&format!("group {group}\n"));
}

/// The group has ended: its number may be another's soon.
pub(crate) fn forget_group(group: u32) {
    tell(&format!("group-ended {group}\n"));
}

/// Removes the folder when this process dies.
pub(crate) fn remove_at_end(folder: &Path) {
    tell(&format!("folder {}\n", folder.display()));
}

/// The folder is gone already.
pub(crate) fn forget_folder(folder: &Path) {
    tell(&format!("folder-gone {}\n", folder.display()));
}
