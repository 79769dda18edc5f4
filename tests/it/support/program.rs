//! The program as operators run it: a process of its own, which ends with the test, whatever ends that one.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::until;

/// A running `semantest`. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts the program with these words and variables, and none of this process's own settings.
    pub(crate) fn start(words: &[&str], variables: &[(String, String)]) -> Self {
        let mut command = command(words, variables);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = gather(child.stderr.take());
        let answers = gather(child.stdout.take());
        Self { child, said, answers }
    }

    /// Runs the program to its end.
    pub(crate) fn run(words: &[&str], variables: &[(String, String)]) -> Output {
        command(words, variables).stdin(Stdio::null()).output().expect("the program runs")
    }

    /// Waits until the program says that it runs; answers the addresses of the API (where it has one) and of the operators' listener.
    pub(crate) async fn running(&self) -> (Option<String>, String) {
        let mut found = None;
        until(&format!("{} runs", self.child.id()), async || {
            found = self.said.lock().iter().find_map(|line| listening(line));
            found.is_some() || !self.is_alive()
        })
        .await;
        found.unwrap_or_else(|| panic!("the program ended before it ran: {}", self.log()))
    }

    /// Waits for the first line on stdout that is JSON.
    pub(crate) async fn first_answer(&self) -> Value {
        let mut found = None;
        until("the program answers", async || {
            found = self.answers.lock().iter().find_map(|line| serde_json::from_str(line).ok());
            found.is_some() || !self.is_alive()
        })
        .await;
        found.unwrap_or_else(|| panic!("the program ended before it answered: {}", self.log()))
    }

    /// Everything that the program said on stderr so far.
    pub(crate) fn log(&self) -> String {
        self.said.lock().join("\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the program is killed");
        let status = self.child.wait().expect("the program has ended");
        assert_eq!(status.signal(), Some(9), "it ran until it was killed: {}", self.log());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the program has ended", async || {
            status = self.child.try_wait().expect("a child of ours");
            status.is_some()
        })
        .await;
        status.expect("a status")
    }

    fn is_alive(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // Elsewhere than on Linux nobody can say so cheaply; the wait's own bound ends it then.
        stat.is_empty() || !stat.contains(") Z ")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; then neither has anything to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(words: &[&str], variables: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_semantest"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "REDIS_URL" || (text.starts_with("SEMANTEST_") && text != "SEMANTEST_REDIS_BIN") {
            command.env_remove(&name);
        }
    }
    command.args(words).envs(variables.iter().cloned()).current_dir(std::env::temp_dir());
    #[cfg(target_os = "linux")]
    // SAFETY: prctl is async-signal-safe and touches nothing of ours between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    command
}

/// Collects a pipe's lines for as long as it is open, so that the program never waits for us.
fn gather(pipe: Option<impl std::io::Read + Send + 'static>) -> Arc<Mutex<Vec<String>>> {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let place = Arc::clone(&lines);
    let pipe = pipe.expect("a pipe");
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            place.lock().push(line);
        }
    });
    lines
}

/// What the line that says that the program runs tells about its listeners.
fn listening(line: &str) -> Option<(Option<String>, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let is_it = line["message"].as_str()?.ends_with("is running");
    let address = |name: &str| line[name].as_str().map(|address| format!("http://{address}"));
    if is_it { Some((address("api"), address("ops")?)) } else { None }
}
