//! The line of a command's output that says why it failed. Pure.

/// The most characters of a line that are shown.
const LONGEST: usize = 160;

/// Words with which commands tell of a failure.
const TELLING: &[&str] = &[
    "error",
    "fail",
    "fatal",
    "refused",
    "refuses",
    "denied",
    "exception",
    "unable",
    "cannot",
    "can't",
    "can not",
    "could not",
    "couldn't",
    "not found",
    "not exist",
    "no such",
    "not running",
    "no response",
    "rejecting",
    "timed out",
    "unreachable",
    "unavailable",
    "reset by peer",
];

/// The line of a failed command's output that tells most, short and in printable characters; nothing where it said
/// nothing.
///
/// That is the first line with a word of failure: what follows are explanations and traces (rabbitmq-diagnostics,
/// kafka-topics, a JVM), what comes before are banners and progress (curl's meter, wget's "Connecting to …"). Lines
/// that are indented are quotations and traces, so they count only where no other tells. Without any such word it is the
/// last line, where commands say what it came to (pg_isready, redis-cli).
pub fn telling_line(output: &str) -> Option<String> {
    // curl goes back to the line's beginning to draw its meter again.
    let lines: Vec<String> =
        output.split(['\n', '\r']).map(printable).filter(|line| says_something(line)).collect();
    let tells = |line: &&String| {
        let line = line.to_lowercase();
        TELLING.iter().any(|word| line.contains(word))
    };
    let indented = |line: &String| line.starts_with(char::is_whitespace);
    let found = lines.iter().position(|line| tells(&line) && !indented(line));
    let found = found.or_else(|| lines.iter().position(|line| tells(&line)));
    let line = match found {
        // A bare `Error:` is a title.
        Some(title) if lines[title].trim().ends_with(':') => match lines.get(title + 1) {
            Some(next) => format!("{} {}", lines[title].trim(), next.trim()),
            None => lines[title].clone(),
        },
        Some(found) => lines[found].clone(),
        None => lines.last()?.clone(),
    };
    Some(shortened(line.trim()))
}

/// The last line that says something, short and in printable characters: where a command that succeeded says what it
/// came to.
pub fn last_line(output: &str) -> Option<String> {
    let line = output.split(['\n', '\r']).map(printable).rfind(|line| says_something(line))?;
    Some(shortened(line.trim()))
}

/// A line without what a terminal would obey.
pub fn printable(line: &str) -> String {
    let plain = console::strip_ansi_codes(line);
    plain.chars().filter(|character| !character.is_control() || *character == '\t').collect()
}

/// Not empty; and not the hash of the Erlang cookie, which RabbitMQ's tools print and nobody should pass on.
fn says_something(line: &str) -> bool {
    !line.trim().is_empty() && !line.to_lowercase().contains("cookie hash")
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Whether what was said with an exit code of 126 or 127 means that the image hasn't the command, or can't run it: it
/// won't appear by waiting. Engines (`exec: "curl": executable file not found in $PATH`) and shells (`sh: curl: not
/// found`) say so; for a container that is just ending engines use the same codes with other words, some of them about
/// files of /proc that are gone.
pub fn lacks_the_command(said: &str) -> bool {
    const WORDS: [&str; 5] = [
        "not found",
        "no such file or directory",
        "permission denied",
        "is a directory",
        "exec format error",
    ];
    let said = said.to_lowercase();
    !said.contains("/proc/") && WORDS.iter().any(|word| said.contains(word))
}

/// The program that isn't in the image, from what the engine or the shell says of it.
pub fn missing_program(output: &str) -> Option<String> {
    // `OCI runtime exec failed: … exec: "curl": executable file not found in $PATH: unknown`
    if output.contains("executable file not found") || output.contains("no such file or directory: unknown") {
        let name = output.rsplit_once("exec: \"")?.1.split('"').next()?;
        return Some(name.to_owned());
    }
    // `/bin/sh: curl: not found`, `sh: 1: curl: not found`, `bash: line 1: curl: command not found`
    let line = output.lines().find(|line| line.contains("not found") && line.contains("sh:"))?;
    let before = line.split(": not found").next()?.split(": command not found").next()?;
    let name = before.rsplit(": ").next()?.trim();
    (!name.is_empty() && !name.contains(' ')).then(|| name.to_owned())
}

/// The end of the engine's chain of errors, without its beginning that is always the same.
pub fn core_of(error: &str) -> &str {
    let error = error.rsplit_once("unable to start container process: ").map_or(error, |(_, core)| core);
    error.trim_end_matches(": unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As RabbitMQ 3.13's `rabbitmq-diagnostics -q ping` says it while the node boots.
    const RABBITMQ: &str = "Error:\nunable to perform an operation on node 'rabbit@mq'. Please see diagnostics information and suggestions below.\n\nMost common reasons for this are:\n\n * Target node is unreachable (e.g. due to hostname resolution, TCP connection or firewall issues)\n * CLI tool fails to authenticate with the server (e.g. due to CLI tool's Erlang cookie not matching that of the server)\n * Target node is not running\n\nIn addition to the diagnostics info below:\n\n * See the CLI, clustering and networking guides on https://rabbitmq.com/documentation.html to learn more\n * Consult server logs on node rabbit@mq\n\nDIAGNOSTICS\n===========\n\nattempted to contact: [rabbit@mq]\n\nrabbit@mq:\n  * connected to epmd (port 4369) on mq\n  * epmd reports: node 'rabbit' not running at all\n                  no other nodes on mq\n  * suggestion: start the node\n\nCurrent node details:\n * node name: 'rabbitmqcli-61-rabbit@mq'\n * effective user's home directory: /var/lib/rabbitmq\n * Erlang cookie hash: 8TzFMbMNFUdPPBGfY5BJNA==\n\n";

    const KAFKA: &str = "[2024-05-14 08:01:02,345] WARN [AdminClient clientId=adminclient-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Node may not be available. (org.apache.kafka.clients.NetworkClient)\n[2024-05-14 08:01:03,345] WARN [AdminClient clientId=adminclient-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Node may not be available. (org.apache.kafka.clients.NetworkClient)\nError while executing topic command : Timed out waiting for a node assignment. Call: listTopics\n[2024-05-14 08:02:02,347] ERROR org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: listTopics\n (kafka.admin.TopicCommand$)\n";

    #[test]
    fn what_commands_say() {
        let outputs = [
            RABBITMQ,
            "Will ping rabbit@mq. This only checks if the OS process is running and registered with epmd. Timeout: 60000 ms.\nError:\nFailed to connect and authenticate to rabbit@mq in 60000 ms\n",
            KAFKA,
            "/var/run/postgresql:5432 - no response\n",
            "localhost:5432 - rejecting connections\n",
            "localhost:5432 - no attempt\n",
            "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n",
            "LOADING Redis is loading the dataset in memory\n\n",
            "NOAUTH Authentication required.\n\n",
            "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\rcurl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server\n",
            "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\rcurl: (52) Empty reply from server\n",
            "curl: (22) The requested URL returned error: 503\n",
            "Connecting to localhost:8080 (127.0.0.1:8080)\nwget: can't connect to remote host (127.0.0.1): Connection refused\n",
            "Connecting to localhost:8080 (127.0.0.1:8080)\nwget: server returned error: HTTP/1.1 503 Service Unavailable\n",
            "  HTTP/1.1 500 Internal Server Error\n",
            "mysqladmin: [Warning] Using a password on the command line interface can be insecure.\nmysqladmin: connect to server at 'localhost' failed\nerror: 'Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)'\nCheck that mysqld is running and that the socket: '/var/run/mysqld/mysqld.sock' exists!\n",
            "Traceback (most recent call last):\n  File \"/check.py\", line 3, in <module>\n    raise URLError(err)\nurllib.error.URLError: <urlopen error [Errno 111] Connection refused>\n",
            "node:events:491\n      throw er; // Unhandled 'error' event\n      ^\n\nError: connect ECONNREFUSED 127.0.0.1:3000\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1300:16)\n",
            "exec: \"absent\": executable file not found in $PATH",
            "\u{1b}[31mfirst\u{1b}[0m\nlast\u{7}\n",
            " * Erlang cookie hash: 8TzFMbMNFUdPPBGfY5BJNA==\n",
        ];
        let lines = outputs.map(|output| telling_line(output).unwrap_or_else(|| "nothing".to_owned()));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Error: unable to perform an operation on node 'rabbit@mq'. Please see diagnostics information and suggestions below.
        Error: Failed to connect and authenticate to rabbit@mq in 60000 ms
        [2024-05-14 08:01:02,345] WARN [AdminClient clientId=adminclient-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Node may not be a…
        /var/run/postgresql:5432 - no response
        localhost:5432 - rejecting connections
        localhost:5432 - no attempt
        Could not connect to Redis at 127.0.0.1:6379: Connection refused
        LOADING Redis is loading the dataset in memory
        NOAUTH Authentication required.
        curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server
        curl: (52) Empty reply from server
        curl: (22) The requested URL returned error: 503
        wget: can't connect to remote host (127.0.0.1): Connection refused
        wget: server returned error: HTTP/1.1 503 Service Unavailable
        HTTP/1.1 500 Internal Server Error
        mysqladmin: connect to server at 'localhost' failed
        urllib.error.URLError: <urlopen error [Errno 111] Connection refused>
        Error: connect ECONNREFUSED 127.0.0.1:3000
        exec: "absent": executable file not found in $PATH
        last
        nothing
        "#);
    }

    #[test]
    fn success_is_said_last() {
        let ping = "Will ping rabbit@mq. Timeout: 60000 ms.\nPing succeeded\n\n";
        assert_eq!(last_line(ping).as_deref(), Some("Ping succeeded"));
        assert_eq!(last_line(" \n\n"), None);
        assert_eq!(telling_line(""), None);
        assert_eq!(telling_line(&"x".repeat(500)).unwrap().chars().count(), 161);
    }

    #[test]
    fn programs_that_are_missing() {
        for (output, wanted) in [
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"curl\": executable file not found in $PATH: unknown",
                Some("curl"),
            ),
            ("/bin/sh: curl: not found", Some("curl")),
            ("sh: 1: wget: not found\n", Some("wget")),
            ("/bin/bash: line 1: nc: command not found", Some("nc")),
            ("curl: (22) The requested URL returned error: 404 Not found", None),
            ("page not found", None),
        ] {
            assert_eq!(missing_program(output).as_deref(), wanted, "{output}");
        }
    }
}
