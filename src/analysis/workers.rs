//! Work that may be done by several hands: who does it is the shell's business.

/// Does pieces of work that do not know of each other.
pub trait Workers {
    /// The results of `work` for each number below `count`, in order.
    fn map<T: Send>(&self, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T>;

    /// What the work that follows is for, to whoever waits for it.
    fn at(&self, _what: &str) {}
}

/// One after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct InTurn;

impl Workers for InTurn {
    fn map<T: Send>(&self, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        (0..count).map(work).collect()
    }
}
