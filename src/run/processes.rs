//! Which process of this machine listens on a port. Linux tells it in /proc (proc(5)), macOS through lsof.

use std::net::IpAddr;

use super::ports::PortHolder;

/// The process that listens there; nothing when there is none, or when this system doesn't tell.
pub(super) fn listener(address: Option<IpAddr>, port: u16, protocol: &str) -> Option<PortHolder> {
    #[cfg(target_os = "linux")]
    return linux::listener(address, port, protocol);
    #[cfg(not(target_os = "linux"))]
    return lsof::listener(address, port, protocol);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::path::Path;

    use crate::run::ports::{PortHolder, overlap};

    /// A line of /proc/net/tcp: a socket that listens.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Socket {
        pub address: IpAddr,
        pub port: u16,
        pub uid: u32,
        pub inode: u64,
    }

    pub(super) fn listener(address: Option<IpAddr>, port: u16, protocol: &str) -> Option<PortHolder> {
        let tables = [format!("/proc/net/{protocol}"), format!("/proc/net/{protocol}6")];
        let sockets =
            tables.iter().flat_map(|table| listening(&fs::read_to_string(table).unwrap_or_default()));
        let mut sockets =
            sockets.filter(|socket| socket.port == port && overlap(address, Some(socket.address)));
        let socket = sockets.next()?;
        Some(match owner(socket.inode) {
            Some((pid, name)) => PortHolder::Process { name, pid },
            None => PortHolder::ProcessOf { uid: socket.uid },
        })
    }

    /// The listening sockets of a table: state 0A for TCP, 07 (unconnected) for UDP.
    pub(super) fn listening(table: &str) -> Vec<Socket> {
        table.lines().skip(1).filter_map(socket).collect()
    }

    fn socket(line: &str) -> Option<Socket> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if !matches!(*fields.get(3)?, "0A" | "07") {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        Some(Socket {
            address: parse_address(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            uid: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    }

    /// Each word of 32 bits stands in the machine's own byte order.
    fn parse_address(hex: &str) -> Option<IpAddr> {
        let word = |index: usize| {
            let digits = hex.get(index * 8..index * 8 + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        };
        match hex.len() {
            8 => Some(Ipv4Addr::from(word(0)?).into()),
            32 => {
                let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
                let bytes: [u8; 16] = words.try_into().ok()?;
                Some(Ipv6Addr::from(bytes).to_canonical())
            }
            _ => None,
        }
    }

    /// The process that has this socket open, as far as this user may look; of several the oldest: the others are its
    /// children, which may have it only until they become another program.
    fn owner(inode: u64) -> Option<(u32, String)> {
        let wanted = format!("socket:[{inode}]");
        let has_it =
            |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|target| target == Path::new(&wanted));
        let pids = fs::read_dir("/proc").ok()?.flatten();
        let pids = pids.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
        let holders = pids.filter(|pid| {
            fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|files| files.flatten().any(has_it))
        });
        let known = holders.filter_map(|pid| {
            let begun = begun(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some((begun, pid, name.trim().to_owned()))
        });
        known.min().map(|(_, pid, name)| (pid, name))
    }

    /// When a process began, in ticks since boot: field 22 of /proc/PID/stat, whose second field, a name in brackets, may
    /// hold anything.
    fn begun(stat: &str) -> Option<u64> {
        let (_, after_name) = stat.rsplit_once(')')?;
        after_name.split_whitespace().nth(19)?.parse().ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn reads_the_tables_of_listening_sockets() {
            let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2134 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0
   1: 0100007F:A1B2 0100007F:2134 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 20 4 30 10 -1
   2: short
";
            let expected =
                Socket { address: "127.0.0.1".parse().unwrap(), port: 8500, uid: 1000, inode: 4242 };
            assert_eq!(listening(table), [expected]);
        }

        #[test]
        fn reads_addresses_of_both_families() {
            let address = |hex| parse_address(hex).map(|address| address.to_string());
            assert_eq!(address("00000000").as_deref(), Some("0.0.0.0"));
            assert_eq!(address("00000000000000000000000001000000").as_deref(), Some("::1"));
            assert_eq!(address("0000000000000000FFFF00000100007F").as_deref(), Some("127.0.0.1"));
            assert_eq!(address("zz"), None);
        }

        #[test]
        fn reads_when_a_process_began() {
            let stat = "4242 (a) b (c)) S 1 4242 4242 0 -1 4194560 2 0 0 0 1 2 0 0 20 0 1 0 987654 1000 5";
            assert_eq!(begun(stat), Some(987_654));
            assert!(fs::read_to_string("/proc/self/stat").is_ok_and(|stat| begun(&stat).is_some()));
        }

        #[test]
        fn names_the_process_that_listens() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let holder = super::listener("127.0.0.1".parse().ok(), port, "tcp");
            assert!(
                matches!(holder, Some(PortHolder::Process { pid, .. }) if pid == std::process::id()),
                "{holder:?}"
            );
            drop(listener);
            assert_eq!(super::listener("127.0.0.1".parse().ok(), port, "tcp"), None);
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
mod lsof {
    use crate::run::ports::PortHolder;

    #[cfg(not(target_os = "linux"))]
    pub(super) fn listener(
        _address: Option<std::net::IpAddr>,
        port: u16,
        protocol: &str,
    ) -> Option<PortHolder> {
        let socket = format!("-i{}:{port}", protocol.to_uppercase());
        let mut command = std::process::Command::new("lsof");
        command.args(["-nP", &socket, "-Fpc"]);
        if protocol == "tcp" {
            command.arg("-sTCP:LISTEN");
        }
        let output = command.output().ok()?;
        first_process(&String::from_utf8_lossy(&output.stdout))
    }

    /// The first process of `lsof -Fpc`: a line `p` with the id, then a line `c` with the command.
    pub(super) fn first_process(output: &str) -> Option<PortHolder> {
        let mut lines = output.lines();
        let pid = lines.find_map(|line| line.strip_prefix('p'))?.parse().ok()?;
        let name = lines.find_map(|line| line.strip_prefix('c'))?.to_owned();
        Some(PortHolder::Process { name, pid })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn reads_what_lsof_prints() {
            let holder = first_process("p812\ncnginx\nf6\np900\ncother\n");
            assert_eq!(holder, Some(PortHolder::Process { name: "nginx".to_owned(), pid: 812 }));
            assert_eq!(first_process(""), None);
        }
    }
}
