//! What a change of an enablement tells whoever listens: only what is news.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::events::EnablementFacts;
use crate::model::event::Announcement;
use crate::model::lifecycle::EnablementState;
use crate::store::enablements::{CandidateState, Enablement};

/// What there is to tell when `next` takes the place of the record with this revision: its state, or how its upgrade fares.
pub(super) fn of_change(revision: u64, next: &Enablement, at: DateTime<Utc>) -> Option<Announcement> {
    let now = next.standing();
    let is_fresh = revision == 0;
    let (is_state_news, is_candidate_news) = match &next.told {
        Some(told) => (told.state != now.state, told.candidate != now.candidate),
        None => (is_fresh, is_fresh),
    };
    let facts = EnablementFacts {
        user_id: &next.user,
        addon_id: &next.addon,
        state: next.state,
        version: next.version.as_ref().zip(next.digest.as_ref()),
        job_id: next.job_id.as_ref(),
        error: next.error.as_ref(),
        revision: revision.saturating_add(1),
    };
    if is_state_news {
        return announced(next, &facts, at);
    }
    let candidate = next.candidate.as_ref().filter(|_| is_candidate_news)?;
    let state = match candidate.state {
        CandidateState::AwaitingConsent => EnablementState::AwaitingConsent,
        CandidateState::Failed => EnablementState::Failed,
        CandidateState::AwaitingSecrets | CandidateState::Loading => return None,
    };
    let facts = EnablementFacts {
        state,
        version: Some((&candidate.version, &candidate.digest)),
        job_id: Some(&candidate.job_id),
        error: candidate.error.as_ref(),
        ..facts
    };
    announced(next, &facts, at)
}

/// What there is to tell when an enablement goes with everything that its addon kept.
pub(super) fn of_erasure(current: &Enablement, at: DateTime<Utc>) -> Option<Announcement> {
    let facts = EnablementFacts {
        user_id: &current.user,
        addon_id: &current.addon,
        state: EnablementState::Disabled,
        version: None,
        job_id: current.job_id.as_ref(),
        error: None,
        revision: current.revision.saturating_add(1),
    };
    let mut news = announced(current, &facts, at)?;
    news.body.data.result = Some(json!({ "erased": true }));
    Some(news)
}

fn announced(enablement: &Enablement, facts: &EnablementFacts<'_>, at: DateTime<Utc>) -> Option<Announcement> {
    Some(Announcement {
        client: enablement.client.clone(),
        // The enablement's own name is another one after an erase, when the revisions count from 1 again.
        subject: format!("{} {}", enablement.id(), facts.revision),
        body: facts.event(at)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::model::digest::Digest;
    use crate::model::event::EventType;
    use crate::model::id::{AddonId, ClientId, IdError, JobId, UserId};
    use crate::store::enablements::Candidate;

    fn enablement() -> Result<Enablement, IdError> {
        Ok(Enablement::fresh(ClientId::parse("acme")?, UserId::parse("alice")?, AddonId::parse("acme.art")?))
    }

    /// The record as it is written.
    fn written(next: &Enablement) -> Enablement {
        Enablement { told: Some(next.standing()), revision: next.revision + 1, ..next.clone() }
    }

    fn told(next: &Enablement) -> Option<EventType> {
        of_change(next.revision, next, clock::now()).map(|news| news.body.event)
    }

    #[test]
    fn a_state_is_told_when_it_is_reached_and_not_while_it_lasts() -> Result<(), IdError> {
        let loading = Enablement { state: EnablementState::Loading, ..enablement()? };
        assert_eq!(told(&loading), None);
        let digest = Some(Digest::of(b"1"));
        let enabled = Enablement { state: EnablementState::Enabled, digest, ..written(&loading) };
        assert_eq!(told(&enabled), Some(EventType::AddonEnabled));
        let reordered = Enablement { order: 5, ..written(&enabled) };
        assert_eq!(told(&reordered), None);
        let upgraded = Enablement { digest: Some(Digest::of(b"2")), ..written(&reordered) };
        assert_eq!(told(&upgraded), Some(EventType::AddonEnabled), "another version runs");
        let off = Enablement { state: EnablementState::Disabled, ..written(&upgraded) };
        assert_eq!(told(&off), Some(EventType::AddonDisabled));
        Ok(())
    }

    #[test]
    fn an_upgrade_that_waits_or_fails_is_told_while_the_version_before_runs() -> Result<(), Box<dyn std::error::Error>>
    {
        let enabled = written(&Enablement { state: EnablementState::Enabled, ..enablement()? });
        let candidate = |state| {
            Ok::<_, IdError>(Some(Candidate {
                version: semver::Version::new(2, 0, 0),
                digest: Digest::of(b"2"),
                job_id: JobId::parse("add_1")?,
                since: clock::now(),
                state,
                error: None,
                config: None,
                wish: None,
                request: None,
                grants: None,
                auto_update: None,
                is_automatic: true,
            }))
        };
        let begun = Enablement { candidate: candidate(CandidateState::Loading)?, ..enabled };
        assert_eq!(told(&begun), None);
        let waits = Enablement { candidate: candidate(CandidateState::AwaitingConsent)?, ..written(&begun) };
        assert_eq!(told(&waits), Some(EventType::AddonAwaitingConsent));
        let news = of_change(waits.revision, &waits, clock::now()).ok_or("no news")?;
        assert_eq!(news.body.data.result, Some(json!({ "version": "2.0.0", "digest": Digest::of(b"2") })));
        assert_eq!(told(&written(&waits)), None);
        Ok(())
    }

    #[test]
    fn a_record_from_before_there_were_endpoints_tells_nothing_old() -> Result<(), IdError> {
        let old = Enablement { state: EnablementState::Enabled, revision: 7, ..enablement()? };
        assert_eq!(told(&old), None);
        let off = Enablement { state: EnablementState::Disabled, ..written(&old) };
        assert_eq!(told(&off), Some(EventType::AddonDisabled));
        Ok(())
    }

    #[test]
    fn two_lives_of_an_enablement_never_share_a_subject() -> Result<(), IdError> {
        let subject = |enablement: Enablement| of_erasure(&enablement, clock::now()).map(|news| news.subject);
        assert_ne!(subject(enablement()?), subject(enablement()?));
        Ok(())
    }
}
