//! The circuit breaker of each enablement and hook point: what broke several times in a row is left alone for a while.
//!
//! A hook that works costs no question: what is known of an enablement's breakers is read with it, and read again when it
//! changes.

use std::collections::HashMap;
use std::time::Duration;

use tracing::{debug, warn};

use crate::addons::Inner;
use crate::addons::running::Running;
use crate::clock;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::manifest::{HookPoint, Manifest};
use crate::store::StoreError;
use crate::store::breakers::{Breaker, BreakerRule, EnablementName, Tried};
use crate::store::enablements::Enablement;

/// How much longer than the hook may take its trial is nobody else's: a worker that died gave nothing back.
const TRIAL_MARGIN: Duration = Duration::from_secs(5);

/// Whether a hook may be asked.
pub(super) enum Admission {
    /// It may.
    Open,
    /// It may, and its breaker hangs on how it goes.
    Trial,
    /// Not now.
    Shut(Failure),
}

/// Whether a failure says that the hook is broken. What it refuses on purpose, or what somebody else did to it, does not.
pub(super) const fn is_breakage(code: JobCode) -> bool {
    matches!(
        code,
        JobCode::AddonTrapped
            | JobCode::CpuLimit
            | JobCode::MemoryLimit
            | JobCode::DeadlineExceeded
            | JobCode::OutputLimit
            | JobCode::AddonFailed
            | JobCode::AddonResultInvalid
    )
}

/// Whether a failure is the addon's own answer: it works, and says no.
pub(super) const fn is_answer(code: JobCode) -> bool {
    matches!(code, JobCode::AddonRefused | JobCode::AddonBadInput | JobCode::QuotaExceeded | JobCode::EgressDenied)
}

impl Inner {
    /// What is known of the hooks of an enablement that failed lately.
    pub(in crate::addons) async fn breakers_of(
        &self,
        of: &Enablement,
        manifest: &Manifest,
    ) -> Result<HashMap<HookPoint, Breaker>, StoreError> {
        if manifest.hooks.is_empty() || self.settings.hooks.breaker_failures == 0 {
            return Ok(HashMap::new());
        }
        self.breakers.of((&of.client, &of.user, &of.addon)).await
    }

    /// Looks at the breaker of a hook that may take `wall`.
    pub(super) async fn admit(&self, running: &Running, point: HookPoint, wall: Duration) -> Admission {
        let Some((known, digest)) = known(running, point) else { return Admission::Open };
        let Some(open_until) = known.open_until else { return Admission::Open };
        if clock::now_ms() < open_until {
            return Admission::Shut(shut(running, known, open_until));
        }
        let lease = wall.saturating_add(TRIAL_MARGIN);
        match self.breakers.try_again(name(running), point, digest, lease).await {
            Ok(Tried::Closed) => Admission::Open,
            Ok(Tried::Trial) => Admission::Trial,
            Ok(Tried::Shut(until)) => Admission::Shut(shut(running, known, until)),
            Err(error) => {
                debug!(%error, "Could not ask for the breaker of `{}`", running.owner.addon);
                Admission::Open
            }
        }
    }

    /// A hook answered: it is not broken any more, if it was. Best effort: the next call says the same.
    pub(super) async fn note_working(&self, running: &Running, point: HookPoint, is_trial: bool) {
        let is_counted = known(running, point).is_some_and(|(known, _)| known.open_until.is_none());
        if !is_trial && !is_counted {
            return;
        }
        match self.breakers.worked(name(running), point, is_trial).await {
            Ok(is_news) => self.forget_breaker(running, is_news),
            Err(error) => debug!(%error, "Could not close the breaker of `{}`", running.owner.addon),
        }
    }

    /// A hook broke. Best effort: the call has failed already, and the next one counts again.
    pub(super) async fn note_broken(&self, running: &Running, point: HookPoint, code: JobCode) {
        let settings = &self.settings.hooks;
        let (true, Some(digest)) = (settings.breaker_failures > 0, running.enablement.digest) else { return };
        let rule = BreakerRule {
            failures: settings.breaker_failures,
            window: settings.breaker_window.duration(),
            pause: settings.breaker_pause.duration(),
        };
        match self.breakers.failed(name(running), point, (&digest, code), &rule).await {
            Ok((breaker, is_news)) => {
                if is_news && breaker.open_until.is_some() {
                    let (addon, point) = (&running.owner.addon, point.as_str());
                    warn!(addon.id = %addon, %code, "The breaker of hook `{point}` of `{addon}` opened");
                }
                self.forget_breaker(running, is_news);
            }
            Err(error) => debug!(%error, "Could not count a failure of `{}`", running.owner.addon),
        }
    }

    /// This process knows at once what the others are being told.
    fn forget_breaker(&self, running: &Running, is_news: bool) {
        if is_news {
            let owner = &running.owner;
            self.caches.forget(&(owner.client.clone(), owner.user.clone(), owner.addon.clone()));
        }
    }
}

fn name(running: &Running) -> EnablementName<'_> {
    (&running.owner.client, &running.owner.user, &running.owner.addon)
}

/// What is known of a hook of the component that runs.
fn known(running: &Running, point: HookPoint) -> Option<(&Breaker, &Digest)> {
    let digest = running.enablement.digest.as_ref()?;
    running.breakers.get(&point).filter(|known| known.digest == *digest).map(|known| (known, digest))
}

fn shut(running: &Running, known: &Breaker, until: u64) -> Failure {
    let until = clock::from_ms(until);
    let message = format!(
        "`{}` failed {} times in a row, last with {}, and is not asked again before {}; try again then, or disable it",
        running.owner.addon,
        known.failures.len(),
        known.code,
        until.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    );
    Failure { retry_at: Some(until), ..Failure::transient(JobCode::HookUnavailable, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_both_breakage_and_answer_and_only_the_guests_own_doing_is_either() {
        for code in JobCode::ALL {
            assert!(!(is_breakage(code) && is_answer(code)), "{code}");
        }
        for code in [JobCode::Cancelled, JobCode::Internal, JobCode::AddonBlocked, JobCode::NotGranted] {
            assert!(!is_breakage(code) && !is_answer(code), "{code}");
        }
    }
}
