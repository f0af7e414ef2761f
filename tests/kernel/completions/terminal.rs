//! A shell in a terminal, and someone at its keys.
//!
//! Keys are pressed as a person presses them, and the screen is read as a person reads it, from
//! what the shell wrote by a terminal emulator. Only the moment to look is settled otherwise: two
//! keys are bound to a widget of the test that has the shell itself say, through the terminal, that
//! it has dealt with all keys before, and which line it holds. There is nothing here that waits for
//! time to pass.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::num::NonZeroU16;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Namespace;
use crate::support::pty::Pty;

/// Wide and high enough for the longest list of candidates.
const ROWS: u16 = 120;
const COLUMNS: u16 = 200;

/// The prompt of every shell.
const PROMPT: &[u8] = b"$ ";

/// Empties line and screen.
const NEW_PAGE: &str = "\x18n";
/// The key that makes the shell report its line.
const REPORT: &str = "\x18m";
/// Around the line in a report: a command to the terminal that no terminal knows.
const REPORT_BEGINS: &[u8] = b"\x1b]7777;";
const REPORT_ENDS: u8 = 7;

/// A shell with the completions installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash alone: the completions are read by a line in `~/.bashrc`.
    Bash,
    /// bash with the package bash-completion, which finds the completions by the command's name.
    BashCompletion,
    Zsh,
    Fish,
}

impl Shell {
    /// Returns the shell's program, which is also its Debian package.
    fn program(self) -> &'static str {
        match self {
            Shell::Bash | Shell::BashCompletion => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    /// Fails the test where the shell is not installed.
    fn require(self) {
        let missing = |package: &str, path: &str| {
            assert!(
                Path::new(path).exists(),
                "{path} is missing: apt-get install {package}"
            );
        };
        missing(self.program(), &format!("/usr/bin/{}", self.program()));
        if self == Shell::BashCompletion {
            missing(
                "bash-completion",
                "/usr/share/bash-completion/bash_completion",
            );
        }
    }

    /// Installs the completions below `home` under the names that packages give them, and writes
    /// the shell's start-up file. Gives the words that start the shell with both.
    fn install(self, home: &Path) -> io::Result<Vec<String>> {
        let completions = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
        let link = |from: &str, folder: &str, names: &[&str]| -> io::Result<()> {
            let folder = home.join(folder);
            fs::create_dir_all(&folder)?;
            names
                .iter()
                .try_for_each(|name| symlink(completions.join(from), folder.join(name)))
        };
        let home_text = home.display();
        match self {
            Shell::Bash => {
                let source = format!("source {}/ipvsadm.bash\n", completions.display());
                fs::write(home.join("bashrc"), source + BASH_KEYS)?;
                Ok(words(&format!(
                    "--noprofile --rcfile {home_text}/bashrc -i"
                )))
            }
            Shell::BashCompletion => {
                let names = ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"];
                link("ipvsadm.bash", "completions", &names)?;
                let source = format!(
                    "BASH_COMPLETION_USER_DIR={home_text}\n\
                     source /usr/share/bash-completion/bash_completion\n"
                );
                fs::write(home.join("bashrc"), source + BASH_KEYS)?;
                Ok(words(&format!(
                    "--noprofile --rcfile {home_text}/bashrc -i"
                )))
            }
            Shell::Zsh => {
                link("_ipvsadm", "functions", &["_ipvsadm"])?;
                let source = format!(
                    "fpath=({home_text}/functions $fpath)\nautoload -Uz compinit\ncompinit -u -D\n"
                );
                fs::write(home.join(".zshrc"), source + ZSH_KEYS)?;
                Ok(words("-d -i"))
            }
            Shell::Fish => {
                for name in ["ipvsadm.fish", "ipvsadm-save.fish", "ipvsadm-restore.fish"] {
                    link(name, "fish/completions", &[name])?;
                }
                fs::write(home.join("fish/config.fish"), FISH_KEYS)?;
                Ok(words("-i"))
            }
        }
    }

    /// Returns the keys for a text: to zsh, a bracket that begins a word must be quoted.
    fn spell(self, text: &str) -> String {
        if self == Shell::Zsh && !text.contains('\'') {
            text.replace('[', "\\[")
        } else {
            text.to_owned()
        }
    }

    /// Returns a line without what the shell has put there for a bracket: a backslash before it or,
    /// fish from release 4 on, quotes around a word of which nothing was typed.
    fn without_its_quoting(self, typed: &str, line: &str) -> String {
        let line = line.replace('\\', "");
        let added = line.strip_prefix(typed).filter(|_| typed.ends_with(' '));
        let quoted = added.and_then(|added| added.strip_prefix("'[")?.strip_suffix("' "));
        match quoted {
            Some(rest) if self == Shell::Fish => format!("{typed}[{rest} "),
            _ => line,
        }
    }

    /// Returns the candidates in the rows of a screen: what is listed, without descriptions.
    fn candidates(self, rows: &[String]) -> BTreeSet<String> {
        let mut candidates = BTreeSet::new();
        for row in rows {
            let listed = match self {
                Shell::Zsh => row.split(" -- ").next().unwrap_or_default().to_owned(),
                Shell::Fish => without_parentheses(row),
                Shell::Bash | Shell::BashCompletion => row.clone(),
            };
            // fish writes an ellipsis for what stands on the line already.
            let whole = |word: String| word.trim_start_matches('…').to_owned();
            candidates.extend(words(&listed).into_iter().map(whole));
        }
        candidates
    }
}

/// Lists at the first TAB what a person sees at the second.
const BASH_KEYS: &str = r#"
PS1='$ '
bind 'set show-all-if-ambiguous on'
bind 'set bell-style none'
bind 'set completion-query-items -1'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
new_page() { printf '\e[H\e[2J'; READLINE_LINE='' READLINE_POINT=0; }
bind -x '"\C-xn": new_page'
bind -x '"\C-xm": printf "\e]7777;%s\a" "$READLINE_LINE"'
"#;

/// Likewise.
const ZSH_KEYS: &str = r#"
PROMPT='$ '
LISTMAX=10000
unsetopt auto_menu list_ambiguous beep prompt_sp
bindkey -e
new_page() { BUFFER=''; zle -I; printf '\e[H\e[2J' >$TTY; }
report() { printf '\e]7777;%s\a' "$BUFFER" >$TTY; }
zle -N new_page
zle -N report
bindkey '^Xn' new_page '^Xm' report
"#;

const FISH_KEYS: &str = r#"
function fish_prompt
    echo '$ '
end
function fish_greeting
end
set -g fish_autosuggestion_enabled 0
bind \cxn "printf '\e[H\e[2J'; commandline ''; commandline -f repaint"
bind \cxm "printf '\e]7777;%s\a' (commandline | string collect)"
"#;

/// The screen after a completion.
#[derive(Debug)]
pub struct Seen {
    /// The line as it stands now.
    pub line: String,
    /// The candidates on the screen.
    pub candidates: BTreeSet<String>,
    /// The screen.
    pub screen: String,
}

/// A terminal with a shell in it.
pub struct Terminal {
    shell: Shell,
    pty: Pty,
    unread: Vec<u8>,
    screen: vt100::Parser,
    home: PathBuf,
}

impl Terminal {
    /// Starts `shell` in `namespace`, with our programs first on its search path.
    pub fn open(shell: Shell, namespace: &Namespace) -> Terminal {
        shell.require();
        let home = std::env::temp_dir().join(format!(
            "ipvsadm-completions-{}-{shell:?}",
            std::process::id()
        ));
        let programs = home.join("programs");
        fs::create_dir_all(&programs).expect("room for the shell's files");
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            symlink(env!("CARGO_BIN_EXE_ipvsadm"), programs.join(name))
                .expect("a link to the program");
        }
        write_refused_program(&home.join("refused")).expect("room for the shell's files");
        let start = shell.install(&home).expect("room for the shell's files");

        let mut command = Command::new(shell.program());
        command
            .args(start)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()),
            )
            .env("HOME", &home)
            .env("ZDOTDIR", &home)
            .env("XDG_CONFIG_HOME", &home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_RUNTIME_DIR", &home)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(&home);
        let pty = Pty::start(namespace, command, ROWS, COLUMNS);
        let size = |number| NonZeroU16::new(number).expect("a terminal has a size");
        let mut terminal = Terminal {
            shell,
            pty,
            unread: Vec::new(),
            screen: vt100::Parser::new(size(ROWS), size(COLUMNS), 0),
            home,
        };
        // Keys that are pressed before the shell reads them one by one may be lost.
        terminal.read_until(|written| find(written, PROMPT));
        terminal.press(REPORT);
        terminal.read_report();
        terminal
    }

    /// Types a line on an empty screen, presses TAB, and looks.
    pub fn complete(&mut self, typed: &str) -> Seen {
        let keys = self.shell.spell(typed);
        self.press(&format!("{NEW_PAGE}{keys}\t{REPORT}"));
        let line = self.shell.without_its_quoting(typed, &self.read_report());
        let rows: Vec<String> = self
            .screen
            .screen()
            .rows(0, COLUMNS)
            .filter(|row| !row.is_empty())
            .collect();
        let listed: Vec<String> = rows
            .iter()
            .filter(|row| !row.starts_with("$ "))
            .cloned()
            .collect();
        Seen {
            line,
            candidates: self.shell.candidates(&listed),
            screen: rows.join("\n"),
        }
    }

    fn press(&mut self, keys: &str) {
        self.pty.press(keys);
    }

    /// Follows the screen to the next report, and gives the line in it.
    fn read_report(&mut self) -> String {
        let (begin, length) = self.read_until(|written| {
            let begin = find(written, REPORT_BEGINS)?;
            let line = &written[begin + REPORT_BEGINS.len()..];
            Some((begin, line.iter().position(|&byte| byte == REPORT_ENDS)?))
        });
        let line = begin + REPORT_BEGINS.len()..begin + REPORT_BEGINS.len() + length;
        self.screen.process(&self.unread[..begin]);
        let text = String::from_utf8_lossy(&self.unread[line.clone()]).into_owned();
        self.unread.drain(..=line.end);
        text
    }

    /// Reads until what the shell has written holds what `wanted` finds.
    fn read_until<T>(&mut self, wanted: impl Fn(&[u8]) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&self.unread) {
                return found;
            }
            match self.pty.read() {
                Ok(bytes) => self.unread.extend(bytes),
                Err(error) => panic!(
                    "{:?} does not answer ({error}); it wrote:\n{}",
                    self.shell,
                    self.unread.escape_ascii()
                ),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Files that have gone are no matter here.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Writes an `ipvsadm` that is ours, started without the privilege to read the table.
fn write_refused_program(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let program = folder.join("ipvsadm");
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let text =
        format!("#!/bin/sh\nexec setpriv --bounding-set=-all --inh-caps=-all {ours} \"$@\"\n");
    fs::write(&program, text)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn without_parentheses(row: &str) -> String {
    let mut depth = 0_usize;
    let mut outside = String::new();
    for character in row.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(character),
            _ => {}
        }
    }
    outside
}
