//! The JSON of `zc lab run`, read back.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

/// Paths that depend on where the kernel placed the address space, not on what a program does.
const MEMORY: [&str; 3] = ["mmap_read", "mmap_write", "cow_copy"];

/// The result of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Finding(Value);

/// The outcome of each.
pub(crate) fn findings(document: &Value) -> Vec<Finding> {
    assert_eq!(document["schema"], "zc-lab/1");
    document["findings"].as_array().unwrap().iter().cloned().map(Finding).collect()
}

impl Finding {
    pub(crate) fn scenario(&self) -> &str {
        self.0["scenario"].as_str().unwrap()
    }

    pub(crate) fn sink(&self) -> &str {
        self.0["sink"].as_str().unwrap()
    }

    pub(crate) fn outcome(&self) -> &str {
        self.0["outcome"].as_str().unwrap()
    }

    pub(crate) fn why(&self) -> Option<&str> {
        self.0["why"].as_str()
    }

    pub(crate) fn number(&self, member: &str) -> u64 {
        self.0[member].as_u64().unwrap()
    }

    /// Bytes moved on each path that carried what the program requested.
    pub(crate) fn paths(&self) -> BTreeMap<String, u64> {
        let paths = self.0["paths"].as_array().unwrap();
        paths
            .iter()
            .map(|path| (path["path"].as_str().unwrap(), path["moved_bytes"].as_u64().unwrap()))
            .filter(|(path, bytes)| !MEMORY.contains(path) && *bytes > 0)
            .map(|(path, bytes)| (path.to_owned(), bytes))
            .collect()
    }

    /// What was measured of a figure, and where it comes from.
    pub(crate) fn metric(&self, id: &str) -> (Option<f64>, Option<&str>) {
        let metric = &self.0["metrics"][id];
        assert!(metric.is_object(), "no metric {id} in {self}");
        (metric["measured"].as_f64(), metric["provenance"].as_str())
    }

    /// The least and the greatest that a share may be, by its margin; or why it is not known.
    pub(crate) fn interval(&self, share: &str, margin: &str) -> Result<[f64; 2], String> {
        match (self.metric(share).0, self.metric(margin).0) {
            (Some(share), Some(margin)) => Ok([share - margin, share + margin]),
            (None, None) => {
                Err(self.0["metrics"][share]["why"].as_str().expect("a reason").to_owned())
            }
            other => panic!("one without the other: {other:?}: {self}"),
        }
    }

    pub(crate) fn judgement(&self) -> &str {
        self.0["verdict"]["judgement"].as_str().unwrap()
    }

    /// How many reasons the verdict gives.
    pub(crate) fn reasons(&self) -> usize {
        self.0["verdict"]["reasons"].as_array().unwrap().len()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
