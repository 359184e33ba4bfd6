//! What the path of a control group says of where its processes live: in which container, pod and systemd unit.
//!
//! Runtimes and service managers name groups after what is in them, so no runtime has to be asked. A name that
//! none of them would give says nothing.

/// Where the processes of a control group live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home<'a> {
    /// The innermost container.
    pub container: Option<Container<'a>>,
    /// The Kubernetes pod's uid, as the path has it: its dashes may be underscores.
    pub pod: Option<&'a str>,
    /// The innermost systemd unit that is no container: a service or a scope.
    pub unit: Option<&'a str>,
}

/// A container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container<'a> {
    /// What runs it, where the path says that: `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `nspawn`...
    pub runtime: Option<&'a str>,
    /// Its id, or its name where it has only that.
    pub id: &'a str,
}

impl<'a> Home<'a> {
    /// What a path of cgroup v2 says.
    #[must_use]
    pub fn of(path: &'a str) -> Self {
        let mut home = Self::default();
        let mut above = "";
        for element in path.split('/').filter(|element| !element.is_empty()) {
            // The form of runc with its systemd driver where there is no systemd: SLICE:PREFIX:ID.
            let mut parts = element.splitn(3, ':');
            if let (Some(slice), Some(prefix), Some(id)) =
                (parts.next(), parts.next(), parts.next())
            {
                home.pod = pod(slice).or(home.pod);
                if let Some(found) = named(prefix, id) {
                    home.container = Some(found);
                    home.unit = None;
                }
            } else if let Some(found) = container(element, above) {
                home.container = Some(found);
                // Those around it are not its own.
                home.unit = None;
            } else if let Some(found) = pod(element) {
                home.pod = Some(found);
            } else if is_unit(element) {
                home.unit = Some(element);
            }
            above = element;
        }
        home
    }
}

/// The container that the group `element` below `above` is.
fn container<'a>(element: &'a str, above: &str) -> Option<Container<'a>> {
    let scope = element.strip_suffix(".scope");
    let name = scope.unwrap_or(element);
    if let Some((prefix, id)) = name.rsplit_once('-')
        && is_id(id)
    {
        return named(prefix, id);
    }
    if is_id(name) || is_task(name) {
        let runtime = match above {
            "docker" | "docker-ce" => Some("docker"),
            "libpod_parent" => Some("podman"),
            "garden" => Some("garden"),
            _ => None,
        };
        return Some(Container { runtime, id: name });
    }
    if let Some(id) = name.strip_prefix("lxc.payload.") {
        return Some(Container { runtime: Some("lxc"), id });
    }
    if matches!(above, "lxc" | "lxc.payload") {
        return Some(Container { runtime: Some("lxc"), id: name });
    }
    if above == "machine.slice" {
        if let Some(id) =
            element.strip_prefix("systemd-nspawn@").and_then(|it| it.strip_suffix(".service"))
        {
            return Some(Container { runtime: Some("nspawn"), id });
        }
        if let Some(id) = scope.and_then(|name| name.strip_prefix("machine-")) {
            return Some(Container { runtime: Some("machine"), id });
        }
    }
    None
}

/// A container whose group begins with what runs it.
fn named<'a>(prefix: &'a str, id: &'a str) -> Option<Container<'a>> {
    // The process that watches a container has a group of its own.
    if !is_id(id) || prefix.ends_with("conmon") {
        return None;
    }
    let runtime = match prefix {
        "libpod" | "libpod-payload" => "podman",
        "crio" => "cri-o",
        "cri-containerd" | "nerdctl" => "containerd",
        other => other,
    };
    Some(Container { runtime: Some(runtime), id })
}

/// 64 digits, as all runtimes of the Open Container Initiative draw them.
fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hexadecimal(text)
}

/// A container of Amazon's service: the task's 32 digits, and a number.
fn is_task(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        task.len() == 32
            && is_hexadecimal(task)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The pod whose group this is: `podUID`, or `kubepods-QOS-podUID.slice`.
fn pod(element: &str) -> Option<&str> {
    let name = element.strip_suffix(".slice").unwrap_or(element);
    let uid = match name.strip_prefix("kubepods") {
        Some(rest) => rest.rsplit_once("-pod")?.1,
        None => name.strip_prefix("pod")?,
    };
    let is_uid = match uid.len() {
        // That of a pod that the node itself has: the digest of its description.
        32 => is_hexadecimal(uid),
        36 => uid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => matches!(byte, b'-' | b'_'),
            _ => byte.is_ascii_hexdigit(),
        }),
        _ => false,
    };
    is_uid.then_some(uid)
}

fn is_unit(element: &str) -> bool {
    [".service", ".scope"].iter().any(|kind| element.len() > kind.len() && element.ends_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// Runtime, id, pod and unit that a path names, `-` for none; ID stands for 64 digits.
    fn said(path: &str) -> String {
        let path = path.replace("ID", ID);
        let Home { container, pod, unit } = Home::of(&path);
        let runtime = container.and_then(|it| it.runtime).unwrap_or("-");
        let id = container.map_or("-", |it| it.id);
        let text = format!("{runtime} {id} {} {}", pod.unwrap_or("-"), unit.unwrap_or("-"));
        text.replace(ID, "ID")
    }

    #[test]
    fn a_path_names_container_pod_and_unit() {
        let pod = "3f2a9c1e_77aa_4b1c_9e10_0123456789ab";
        let dashed = pod.replace('_', "-");
        for (path, expected) in [
            ("/", "- - - -".to_owned()),
            ("/user.slice/user-1000.slice/session-3.scope", "- - - session-3.scope".to_owned()),
            ("/system.slice/nginx.service", "- - - nginx.service".to_owned()),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
                "- - - app-x.scope".to_owned(),
            ),
            ("/docker/ID", "docker ID - -".to_owned()),
            ("/system.slice/docker-ID.scope", "docker ID - -".to_owned()),
            ("/docker/ID/system.slice/nginx.service", "docker ID - nginx.service".to_owned()),
            ("/docker/ID/docker/ID", "docker ID - -".to_owned()),
            ("/machine.slice/libpod-ID.scope/container", "podman ID - -".to_owned()),
            ("/machine.slice/libpod-conmon-ID.scope", "- - - libpod-conmon-ID.scope".to_owned()),
            ("/user.slice/user@1.service/user.slice/libpod-ID.scope", "podman ID - -".to_owned()),
            ("/libpod_parent/libpod-ID", "podman ID - -".to_owned()),
            ("/system.slice/nerdctl-ID.scope", "containerd ID - -".to_owned()),
            ("/default/ID", "- ID - -".to_owned()),
            (
                &format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod}.slice/cri-containerd-ID.scope"
                ),
                format!("containerd ID {pod} -"),
            ),
            (
                &format!("/kubepods.slice/kubepods-pod{pod}.slice/crio-ID.scope"),
                format!("cri-o ID {pod} -"),
            ),
            (
                &format!("/kubepods.slice/kubepods-pod{pod}.slice/crio-conmon-ID.scope"),
                format!("- - {pod} crio-conmon-ID.scope"),
            ),
            (&format!("/kubepods/besteffort/pod{dashed}/ID"), format!("- ID {dashed} -")),
            (
                "/kubepods/pod0123456789abcdef0123456789abcdef/ID",
                "- ID 0123456789abcdef0123456789abcdef -".to_owned(),
            ),
            (
                &format!(
                    "/system.slice/containerd.service/kubepods-burstable-pod{pod}.slice:cri-containerd:ID"
                ),
                format!("containerd ID {pod} -"),
            ),
            (
                "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-17",
                "- 0123456789abcdef0123456789abcdef-17 - -".to_owned(),
            ),
            ("/lxc.payload.web/system.slice/a.service", "lxc web - a.service".to_owned()),
            ("/lxc/web", "lxc web - -".to_owned()),
            ("/lxc.monitor.web", "- - - -".to_owned()),
            ("/machine.slice/systemd-nspawn@web.service/payload", "nspawn web - -".to_owned()),
            (
                "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope",
                "machine qemu\\x2d1\\x2dweb - -".to_owned(),
            ),
            // Names that only look alike.
            ("/podium/x", "- - - -".to_owned()),
            ("/docker/buildx", "- - - -".to_owned()),
            ("/.service", "- - - -".to_owned()),
            ("/kubepods/pod12345", "- - - -".to_owned()),
            ("/docker/0123456789ABCDEF", "- - - -".to_owned()),
        ] {
            assert_eq!(said(path), expected, "{path}");
        }
    }
}
