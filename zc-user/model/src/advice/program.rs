//! What to set in programs that people run: the setting that does what a rule advises.

use zc_common::path::CopyPath;

use super::{Advice, Evidence, Rule};

/// A setting of a program that does what a rule advises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Names of the program, as its processes have them.
    pub commands: &'static [&'static str],
    /// The rule that it follows. Of other rules it says nothing.
    pub rule: Rule,
    /// The paths on which bytes come in and go out, where it is for these only.
    pub ways: Option<(CopyPath, CopyPath)>,
    /// What to set.
    pub change: &'static str,
    /// Where the program documents it, and what is documented there.
    pub checked: &'static str,
    /// What else prevents it, or changes the bytes on their way.
    pub unless: &'static str,
}

/// The settings that are known. A program that does what a rule advises without a setting is not here.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    Setting {
        commands: &["nginx"], rule: Rule::FileToSocket, ways: None,
        change: "nginx.conf: sendfile on;",
        checked: "ngx_http_core_module, directive sendfile: off by default",
        unless: "gzip, sub_filter and TLS without kTLS change the bytes; aio threads reads files itself",
    },
    Setting {
        commands: &["apache2", "httpd"], rule: Rule::FileToSocket, ways: None,
        change: "httpd.conf: EnableSendfile On",
        checked: "Apache core, directive EnableSendfile: Off by default since 2.3.9",
        unless: "mod_deflate and TLS change the bytes; not for files on network file systems",
    },
    Setting {
        commands: &["haproxy"], rule: Rule::Relay, ways: Some((CopyPath::SocketRecv, CopyPath::SocketSend)),
        change: "haproxy.cfg: option splice-auto",
        checked: "HAProxy configuration manual, option splice-auto: off by default",
        unless: "TLS, compression and filters that look at the body change the bytes",
    },
    Setting {
        commands: &["lighttpd"], rule: Rule::FileToSocket, ways: None,
        change: "server.network-backend = \"sendfile\"",
        checked: "lighttpd, server.network-backend: sendfile or writev",
        unless: "mod_deflate and TLS without kTLS change the bytes",
    },
    Setting {
        commands: &["vsftpd"], rule: Rule::FileToSocket, ways: None,
        change: "vsftpd.conf: use_sendfile=YES",
        checked: "vsftpd.conf(5), use_sendfile",
        unless: "transfers with TLS or in ASCII mode change the bytes",
    },
    Setting {
        commands: &["smbd"], rule: Rule::FileToSocket, ways: None,
        change: "smb.conf: use sendfile = yes",
        checked: "smb.conf(5), use sendfile: no by default",
        unless: "signing and encryption change the bytes",
    },
    Setting {
        commands: &["proftpd"], rule: Rule::FileToSocket, ways: None,
        change: "proftpd.conf: UseSendfile on",
        checked: "ProFTPD, directive UseSendfile",
        unless: "transfers with TLS or in ASCII mode change the bytes",
    },
    Setting {
        commands: &["dd"], rule: Rule::SmallCalls, ways: None,
        change: "dd bs=1M",
        checked: "dd(1), bs: 512 bytes by default",
        unless: "count=, skip= and seek= count blocks of bs",
    },
    Setting {
        commands: &["cp"], rule: Rule::FileToFile, ways: None,
        change: "cp --reflink=auto",
        checked: "cp(1), --reflink: the default since coreutils 9.0",
        unless: "the file systems differ: then one copy in the kernel is left",
    },
    Setting {
        commands: &["rsync"], rule: Rule::FileToFile, ways: None,
        change: "cp -a --reflink=auto, for a first copy on one machine",
        checked: "rsync(1): it has no option for copy_file_range or reflinks",
        unless: "rsync compares and compresses: it looks at the bytes",
    },
    Setting {
        commands: &["python3", "python"], rule: Rule::FileToSocket, ways: None,
        change: "Python: socket.sendfile(file)",
        checked: "Python library, socket.sendfile: since 3.5, uses os.sendfile",
        unless: "sockets wrapped in TLS send the bytes themselves",
    },
    Setting {
        commands: &["python3", "python"], rule: Rule::FileToFile, ways: None,
        change: "Python: shutil.copyfile(), os.copy_file_range()",
        checked: "Python library, shutil: uses sendfile since 3.8",
        unless: "the program changes the bytes",
    },
    Setting {
        commands: &["java"], rule: Rule::FileToSocket, ways: None,
        change: "Java: FileChannel.transferTo(socket)",
        checked: "Java library, FileChannel.transferTo: sendfile on Linux",
        unless: "TLS in the program: Kafka with SSL has to copy",
    },
];

/// What to set in the program `command` to follow `advice`, if that is known.
#[must_use]
pub fn setting(command: &str, advice: &Advice) -> Option<&'static Setting> {
    let ways = match advice.evidence {
        Evidence::Passed { from, to, .. } => Some((from.path, to.path)),
        _ => None,
    };
    SETTINGS.iter().find(|setting| {
        setting.rule == advice.rule
            && setting.commands.contains(&command)
            && (setting.ways.is_none() || setting.ways == ways)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::{Certainty, PathTotal, Saving};

    fn passed(rule: Rule, from: CopyPath, to: CopyPath) -> Advice {
        let total = |path| PathTotal { path, ops: 1, moved_bytes: 1, copied_bytes: 1 };
        let evidence = Evidence::Passed { from: total(from), to: total(to), bytes: 1 };
        Advice { rule, certainty: Certainty::Likely, saving: Saving::default(), evidence }
    }

    #[test]
    fn a_setting_is_for_its_rule_and_its_ways_only() {
        let served = passed(Rule::FileToSocket, CopyPath::FileRead, CopyPath::SocketSend);
        let change = |command, advice| setting(command, advice).map(|setting| setting.change);
        assert_eq!(change("nginx", &served), Some("nginx.conf: sendfile on;"));
        assert_eq!(change("nginx2", &served), None);
        let proxied = passed(Rule::Relay, CopyPath::SocketRecv, CopyPath::SocketSend);
        assert_eq!(change("nginx", &proxied), None, "it has no setting for that");
        assert_eq!(change("haproxy", &proxied), Some("haproxy.cfg: option splice-auto"));
        let piped = passed(Rule::Relay, CopyPath::PipeRead, CopyPath::SocketSend);
        assert_eq!(change("haproxy", &piped), None);
    }

    #[test]
    fn a_change_fits_a_line_and_says_where_it_is_documented() {
        for setting in SETTINGS {
            assert!(setting.change.len() <= 54 && !setting.checked.is_empty(), "{setting:?}");
            // The kernel cuts names.
            assert!(setting.commands.iter().all(|name| name.len() <= 15), "{setting:?}");
        }
    }
}
