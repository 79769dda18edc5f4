//! The system calls that compiling needs. A call that is not here is answered as one that the kernel does not know:
//! that is what a C library expects of an older kernel, and does without.

use std::collections::BTreeMap;
use std::error::Error;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Calls that are harmless with any arguments.
const ALLOWED: [i64; 34] = [
    // The pipes that are open already.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // Threads of its own.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals that it gets.
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // What it used.
    libc::SYS_getrusage,
    libc::SYS_times,
];

/// Names a range of memory, for those who look at the process.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// The filter for this process.
pub(super) fn program() -> Result<BpfProgram, Box<dyn Error + Send + Sync>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let thread = flag(libc::CLONE_THREAD);
    // Threads, not processes. `clone3` hides its flags behind a pointer and stays unknown; `clone` then takes its place.
    rules.insert(libc::SYS_clone, vec![only(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // `abort` signals the process itself; others of the same user are not its business.
    rules.insert(libc::SYS_tgkill, vec![only(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?]);
    // Limits may be read, not set.
    rules.insert(libc::SYS_prlimit64, vec![only(2, SeccompCmpOp::Eq, 0)?]);
    let names = [flag(libc::PR_SET_NAME), PR_SET_VMA];
    let names = names.map(|option| only(0, SeccompCmpOp::Eq, option)).into_iter().collect::<Result<Vec<_>, _>>()?;
    rules.insert(libc::SYS_prctl, names);
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter =
        SeccompFilter::new(rules, unknown, SeccompAction::Allow, TargetArch::try_from(std::env::consts::ARCH)?)?;
    Ok(filter.try_into()?)
}

/// Allows a call whose argument `index` compares with `value` like this.
fn only(index: u8, compares: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(index, SeccompCmpArgLen::Qword, compares, value)?])
}

fn flag(value: i32) -> u64 {
    u64::from(value.unsigned_abs())
}
