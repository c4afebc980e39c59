//! The grammar: what lines are read as, and that any line is read in bounded time.

use proptest::prelude::*;

use crate::command::{Command, Line, RedirectKind};
use crate::limits::{COMMAND_BYTES_MAX, COMMANDS_MAX};

fn said(line: &str) -> Vec<String> {
    Line::read(line).commands.into_iter().map(|command| command.words.join("|")).collect()
}

#[test]
fn lines_become_commands() {
    let check = |line: &str, expected: &[&str]| assert_eq!(said(line), expected, "{line}");
    check("ls -la 'a b' | wc -l", &["ls|-la|a b", "wc|-l"]);
    check("cd /x && A=1 env B=2 make\nrm \"c", &["cd|/x", "make", "rm|c"]);
    check("bash -lc 'rm -rf /; ls'", &["bash|-lc|rm -rf /; ls", "rm|-rf|/", "ls"]);
    check("echo 'rm -rf /'", &["echo|rm -rf /"]);
    check("sudo -u root timeout -k 5 60 rm x", &["rm|x"]);
    check("if true; then rm a; fi; while x; do rm b; done", &["true", "rm|a", "x", "rm|b"]);
    check("f() { rm a; }; f", &["rm|a", "f"]);
    check("(cd /x; rm a)&", &["cd|/x", "rm|a"]);
    check("ls # rm -rf /", &["ls"]);
    check("echo a#b", &["echo|a#b"]);
    check("echo \"a $(rm -r b) c\"; echo '$(rm b)'", &["rm|-r|b", "echo|a $() c", "echo|$(rm b)"]);
    check("apt-get install curl; echo 'curl a'", &["apt-get|install|curl", "echo|curl a"]);
    check("a \\\n  b", &["a|b"]);
    check("", &[]);
}

#[test]
fn words_are_what_a_shell_makes_of_them() {
    let check = |line: &str, expected: &[&str]| assert_eq!(said(line), expected, "{line}");
    check("rm \"$HOME\"/x ${HOME} ~", &["rm|~/x|~|~"]);
    check("rm '~' \"~/x\" '$HOME'", &["rm|./~|./~/x|$HOME"]);
    check("d=/; rm -rf \"$d\"", &["rm|-rf|/"]);
    check("c='rm -rf'; $c /x", &["rm|-rf|/x"]);
    check("rm${IFS}-rf${IFS}/", &["rm|-rf|/"]);
    check("{rm,-rf,/{etc,usr}}", &["rm|-rf|/etc|/usr"]);
    check("r''m -r\"\"f /", &["rm|-rf|/"]);
    check("\\rm /bin/r\\m", &["rm|/bin/rm"]);
    check("$'\\x72\\155' -rf /", &["rm|-rf|/"]);
    check("rm ${x:-/} ${PATH:0:1} ${HOME:?}", &["rm|/|/|~"]);
    check("a=abc; rm ${a//b/x} ${a^^}", &["rm|axc|ABC"]);
    check("for d in a b; do rm \"$d\"; done", &["rm|a|b"]);
    check("a=(x y); rm \"${a[@]}\"", &["rm|x|y"]);
    check("rm $(echo /x) `pwd`", &["echo|/x", "pwd", "rm|/x|."]);
    check("rm \"$UNKNOWN/x\" $(ls)", &["ls", "rm|$UNKNOWN/x|$()"]);
    check("del C:\\Users\\ann\\x", &["del|C:\\Users\\ann\\x"]);
    check("rd %USERPROFILE%\\x", &["rd|~\\x"]);
    check("rm 100% %x% a%b", &["rm|100%|%x%|a%b"]);
}

#[test]
fn what_runs_in_wrappers_is_read() {
    let check = |line: &str, last: &str| assert_eq!(said(line).last().map(String::as_str), Some(last), "{line}");
    for line in [
        "env -i A=1 rm x",
        "env -S 'rm x'; rm x",
        "nohup nice -n 5 stdbuf -oL rm x &",
        "sh -c 'rm \"$1\"' _ x",
        "su - ann -c 'rm x'",
        "eval rm x",
        "eval 'rm x'",
        "ssh -p 22 web 'rm x'",
        "ssh web rm x",
        "docker exec -it db rm x",
        "docker run --rm -v a:b alpine rm x",
        "docker compose exec -T web rm x",
        "kubectl exec -n a pod -- rm x",
        "find . -exec rm x \\;",
        "echo x | xargs rm",
        "echo x | xargs -I{} rm {}",
        "parallel rm ::: x",
        "watch -n 5 'rm x'",
        "script -qc 'rm x' log",
        "echo 'rm x' | bash",
        "printf '%s' 'rm x' | sh",
        "bash <<< 'rm x'",
        "bash <<EOF\nrm x\nEOF",
        "cat <<EOF | sh\nrm x\nEOF",
        "busybox rm x",
        "command rm x",
        "cmd /c rm x",
        "powershell -NoProfile -Command \"rm x\"",
        "python3 -c \"import os; os.system('rm x')\"",
        "awk 'BEGIN { system(\"rm x\") }'",
        "git -c alias.y='!rm x' y",
        "trap 'rm x' EXIT",
        "npx -y rm x",
        "flock /tmp/l -c 'rm x'",
        "time -p rm x",
        "alias y='rm x'",
        "bash -c \"sh -c 'rm x'\"",
    ] {
        check(line, "rm|x");
    }
    assert!(Line::read("sudo rm x").commands[0].is_privileged);
    check("command -v rm", "command|-v|rm");
}

#[test]
fn documents_are_text_unless_something_runs_them() {
    let names = |line: &str| Line::read(line).commands.iter().map(Command::name).collect::<Vec<_>>().join(" ");
    assert_eq!(names("cat > a <<'EOF' && ls\nrm -rf /\n\tEOF\nmake"), "cat ls make");
    assert_eq!(names("cat <<-EOF\nrm -rf /\n\tEOF\nmake"), "cat make");
    assert_eq!(names("bash <<EOF\nrm -rf /\nEOF\nls"), "bash rm ls");
    assert_eq!(names("cat <<EOF\n$(rm -rf /)\nEOF\nls"), "cat rm ls");
    assert_eq!(names("cat <<'EOF'\n$(rm -rf /)\nEOF\nls"), "cat ls");
    assert_eq!(names("cat <<EOF\nrm -rf /\n"), "cat rm", "it has no end");
    assert_eq!(names("cat <<<EOF\nrm -rf /\nEOF"), "cat rm eof");
    let message = "git commit -m \"$(cat <<'EOF'\nDon't rm -rf (all\nEOF\n)\" && make";
    assert_eq!(names(message), "cat git make");
    assert_eq!(names("cat <<A <<B\nrm\nB\nA\nmake"), "cat make");
    assert_eq!(names("echo $((1<<2))\nrm -rf /\n2"), "echo rm 2");
    let line = Line::read("psql <<EOF\nselect 1\nEOF");
    assert_eq!(line.commands[0].input.as_deref(), Some("select 1\n"));
}

#[test]
fn places_and_files_are_noted() {
    let line = Line::read("cd ~ && rm -rf *; (cd /x; ls a); ls b > out 2>&1 < in >> log");
    let commands = &line.commands;
    assert_eq!(commands[1].path("*"), "~/*");
    assert_eq!(commands[3].path("../a"), "/a");
    assert_eq!(commands[4].path("b"), "~/b");
    let redirects: Vec<_> =
        commands[4].redirects.iter().map(|redirect| (redirect.kind, redirect.path.as_str())).collect();
    assert_eq!(redirects, [(RedirectKind::Write, "out"), (RedirectKind::Read, "in"), (RedirectKind::Append, "log")]);
    assert_eq!(Line::read("cat a |\n wc").commands[1].fed_by, Some(0));
    assert!(Line::read("a && b && c;").is_chain && !Line::read("a; b").is_chain && !Line::read("a || b").is_chain);
}

#[test]
fn hostile_lines_cost_little() {
    let deep = |open: &str, close: &str| format!("{}rm{}", open.repeat(9_000), close.repeat(9_000));
    for line in [
        deep("$(", ")"),
        deep("`", ""),
        deep("(", ")"),
        deep("${x:-", "}"),
        deep("{a,", "}"),
        deep("\"$(", ")\""),
        "{".repeat(COMMAND_BYTES_MAX),
        "{a,b}".repeat(COMMAND_BYTES_MAX / 5),
        format!("a=xxxxxxxxxxxxxxxx;{}", "a=$a$a;".repeat(5_000)),
        "x=1;".repeat(16_000),
        "<<a ".repeat(16_000),
        "<<a\n".repeat(16_000),
        format!("$({}", "<<a\n".repeat(16_000)),
        "eval ".repeat(13_000),
        "sh -c 'sh -c \"".repeat(4_000),
        "find -exec ".repeat(5_000),
        format!("python3 -c '{}'", "open(".repeat(12_000)),
        "\n".repeat(COMMAND_BYTES_MAX),
        ";\n".repeat(COMMAND_BYTES_MAX / 2),
        format!("{}{}", "a\n".repeat(16_000), "\n".repeat(32_000)),
        "${x-".repeat(500),
        format!("{}sh", "cat|".repeat(4_000)),
        format!("a={}; {}", "y".repeat(4_000), "echo ${a//y/yyyyyyyyyyyyyyyyyyyyyyy};".repeat(1_000)),
    ] {
        assert!(Line::read(&line).commands.len() <= COMMANDS_MAX);
    }
}

proptest! {
    #[test]
    fn any_text_is_read(line in "\\PC{0,200}") {
        prop_assert!(Line::read(&line).commands.len() <= COMMANDS_MAX);
    }

    #[test]
    fn any_shell_is_read(line in "(rm|sh -c|eval|cd|find|-exec|xargs|<<E|E\n|\\$\\(|\\$\\{|[a-z=/ ~'\"`\\\\{}()<>|&;\n,*$#:%!?-]|é|\\PC){0,80}") {
        let read = Line::read(&line);
        for command in &read.commands {
            prop_assert!(command.fed_by.is_none_or(|before| before < read.commands.len()));
            let _ = (command.name(), command.path("x"));
        }
    }
}
