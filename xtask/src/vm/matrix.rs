//! The kernels, and the suites in which Debian keeps them.

/// A kernel of the matrix: the newest one of a series.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// The series, such as `6.12`; also the name of its directory.
    pub(crate) series: &'static str,
    /// Where to look for it: the first that has it is taken.
    pub(crate) sources: &'static [Source],
}

/// A suite of Debian's archive, and what the packages of the kernel are called there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The suite.
    pub(crate) suite: &'static str,
    /// Names of packages, with `#` for the number that goes up with every release. All of them
    /// carry the same number.
    pub(crate) packages: &'static [&'static str],
}

/// From the oldest to the newest. The full flavour: that of the cloud has no e1000e.
pub(crate) const KERNELS: &[Kernel] = &[
    Kernel {
        series: "5.10",
        sources: &[Source {
            suite: "bullseye-security",
            packages: &["linux-image-5.10.0-#-amd64"],
        }],
    },
    Kernel {
        series: "6.1",
        sources: &[
            Source { suite: "bookworm-security", packages: &["linux-image-6.1.0-#-amd64"] },
            Source { suite: "bookworm", packages: &["linux-image-6.1.0-#-amd64"] },
        ],
    },
    Kernel {
        series: "6.12",
        sources: &[
            Source { suite: "bookworm-security", packages: &["linux-image-6.12.#+deb12-amd64"] },
            Source { suite: "trixie-security", packages: &["linux-image-6.12.#+deb13-amd64"] },
        ],
    },
    Kernel {
        series: "6.18",
        sources: &[Source {
            suite: "trixie-backports",
            packages: &["linux-image-6.18.#+deb13-amd64"],
        }],
    },
    // Since 6.19 the image is an empty package that depends on these.
    Kernel {
        series: "7.2",
        sources: &[
            Source {
                suite: "sid",
                packages: &[
                    "linux-base-7.2.#+deb14-amd64",
                    "linux-binary-7.2.#+deb14-amd64",
                    "linux-modules-7.2.#+deb14-amd64",
                ],
            },
            Source {
                suite: "trixie-backports",
                packages: &[
                    "linux-base-7.2.#+deb13-amd64",
                    "linux-binary-7.2.#+deb13-amd64",
                    "linux-modules-7.2.#+deb13-amd64",
                ],
            },
        ],
    },
];

/// The kernel of a series, for the command line.
pub(crate) fn parse(series: &str) -> Result<&'static Kernel, String> {
    KERNELS.iter().find(|kernel| kernel.series == series).ok_or_else(|| {
        let known: Vec<_> = KERNELS.iter().map(|kernel| kernel.series).collect();
        format!("no such kernel; there are {}", known.join(", "))
    })
}

impl Source {
    /// What all names of packages begin with, up to the number of the first one.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = &'static str> {
        self.packages.iter().map(|pattern| halves(pattern).0)
    }

    /// The newest packages among `names`: those with the largest number that none of them lacks.
    pub(crate) fn newest(&self, names: &[String]) -> Option<Vec<String>> {
        let (first, rest) = self.packages.split_first()?;
        let numbers = names.iter().filter_map(|name| number(first, name));
        let complete = |number: &u64| {
            rest.iter().all(|pattern| names.iter().any(|name| name == &fill(pattern, *number)))
        };
        let newest = numbers.filter(complete).max()?;
        Some(self.packages.iter().map(|pattern| fill(pattern, newest)).collect())
    }
}

/// What is before and after the number in a pattern.
fn halves(pattern: &'static str) -> (&'static str, &'static str) {
    pattern.split_once('#').expect("every pattern has a number")
}

/// The number in a name, if it is one of the pattern.
fn number(pattern: &'static str, name: &str) -> Option<u64> {
    let (before, after) = halves(pattern);
    let digits = name.strip_prefix(before)?.strip_suffix(after)?;
    // A parser would take a sign too.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn fill(pattern: &'static str, number: u64) -> String {
    let (before, after) = halves(pattern);
    format!("{before}{number}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(series: &str, names: &[&str]) -> Option<Vec<String>> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        parse(series).expect("it is in the matrix").sources[0].newest(&names)
    }

    #[test]
    fn the_newest_is_the_largest_number_and_not_the_last_word() {
        let names = [
            "linux-image-6.12.117+deb12-amd64",
            "linux-image-6.12.9+deb12-amd64",
            "linux-image-6.12.200+deb12-cloud-amd64",
            "linux-image-6.12.300+deb12-amd64-unsigned",
            "linux-image-6.12.+9+deb12-amd64",
            "linux-image-6.12.30+deb12-rt-amd64",
        ];
        let found = newest("6.12", &names).expect("there is one");
        assert_eq!(found, ["linux-image-6.12.117+deb12-amd64"]);
    }

    #[test]
    fn a_kernel_in_parts_is_taken_whole() {
        let names = [
            "linux-base-7.2.13+deb14-amd64",
            "linux-base-7.2.14+deb14-amd64",
            "linux-binary-7.2.13+deb14-amd64",
            "linux-binary-7.2.14+deb14-amd64",
            "linux-modules-7.2.13+deb14-amd64",
        ];
        let found = newest("7.2", &names).expect("13 is complete");
        assert_eq!(found[2], "linux-modules-7.2.13+deb14-amd64");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_series_that_is_gone_is_not_found() {
        assert_eq!(newest("6.18", &["linux-image-6.19.3+deb13-amd64"]), None);
    }
}
