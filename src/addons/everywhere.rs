//! Enablements of every client, for the platform's admins.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use semver::Version;

use crate::addons::views::EnablementView;
use crate::addons::{Addons, AddonsError};
use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::lifecycle::EnablementState;
use crate::store::enablements::Enablement;
use crate::store::{Page, StoreError};

/// Batches of names that are looked at for one page: a filter that matches almost nothing must not hold up Redis.
const MOST_BATCHES: usize = 20;

/// Which enablements are wanted; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnablementFilter {
    /// Of this client.
    pub client: Option<ClientId>,
    /// Of this end user (of any client, where none is named).
    pub user: Option<UserId>,
    /// Of this addon.
    pub addon: Option<AddonId>,
    /// Of this version.
    pub version: Option<Version>,
    /// Of this component.
    pub digest: Option<Digest>,
    /// That stand so.
    pub state: Option<EnablementState>,
}

impl EnablementFilter {
    fn may_match(&self, client: &ClientId, user: &UserId) -> bool {
        self.client.as_ref().is_none_or(|wanted| wanted == client)
            && self.user.as_ref().is_none_or(|wanted| wanted == user)
    }

    fn matches(&self, record: &Enablement, view: &EnablementView) -> bool {
        self.version.as_ref().is_none_or(|wanted| record.version.as_ref() == Some(wanted))
            && self.digest.is_none_or(|wanted| record.digest == Some(wanted))
            && self.state.is_none_or(|wanted| view.state == wanted.as_str())
    }
}

/// An enablement, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedEnablement {
    /// The client.
    pub client: ClientId,
    /// The client's end user.
    pub user: UserId,
    /// The enablement as the client sees it.
    pub view: EnablementView,
}

/// Where a page ended: the addon, the batch of its users, and how many of that batch were shown.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The addon whose users are being listed; none before the first.
    addon: Option<AddonId>,
    /// Redis' own place among the addon's users.
    batch: Option<String>,
    shown: usize,
}

impl Place {
    fn parse(text: &str) -> Result<Self, StoreError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::Cursor)?;
        let text = String::from_utf8(bytes).map_err(|_| StoreError::Cursor)?;
        let mut words = text.split(' ');
        let (Some(addon), Some(batch), Some(shown), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(StoreError::Cursor);
        };
        let is_number = batch.bytes().all(|byte| byte.is_ascii_digit()) && !batch.is_empty();
        if !is_number {
            return Err(StoreError::Cursor);
        }
        Ok(Self {
            addon: Some(AddonId::parse(addon).map_err(|_| StoreError::Cursor)?),
            batch: Some(batch.to_owned()),
            shown: shown.parse().map_err(|_| StoreError::Cursor)?,
        })
    }

    fn to_text(&self) -> Option<String> {
        let (addon, batch) = (self.addon.as_ref()?, self.batch.as_deref().unwrap_or("0"));
        Some(BASE64_URL_SAFE_NO_PAD.encode(format!("{addon} {batch} {}", self.shown)))
    }
}

impl Addons {
    /// Enablements of every client that match, addon by addon. A page may be shorter than `limit`, even empty, and still have a next
    /// one; one that is made while the list is read may be missing or come twice.
    ///
    /// # Errors
    /// [`AddonsError`] for a cursor that is not one of ours, or when the records cannot be read.
    pub async fn enablements_everywhere(
        &self,
        filter: &EnablementFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OwnedEnablement>, AddonsError> {
        if let (Some(client), Some(user)) = (&filter.client, &filter.user) {
            return self.enablements_of(filter, client, user).await;
        }
        let mut place = cursor.map(Place::parse).transpose()?.unwrap_or_default();
        if place.addon.is_none() {
            place = self.next_addon(filter, &place).await?;
        }
        let mut found = Vec::new();
        for _ in 0..MOST_BATCHES {
            let Some(addon) = place.addon.clone() else { return Ok(Page::last(found)) };
            let batch = self.inner.enablements.of_addon(&addon, place.batch.as_deref()).await?;
            let left = batch.items.iter().skip(place.shown);
            for (client, user) in left {
                if found.len() >= limit {
                    return Ok(Page { items: found, next_cursor: place.to_text() });
                }
                place.shown += 1;
                if filter.may_match(client, user) {
                    found.extend(self.one_of(filter, client, user, &addon).await?);
                }
            }
            place = match batch.next_cursor {
                Some(next) => Place { batch: Some(next), shown: 0, ..place },
                None => self.next_addon(filter, &place).await?,
            };
        }
        Ok(Page { items: found, next_cursor: place.to_text() })
    }

    /// Those of one user: so few that they are one page.
    async fn enablements_of(
        &self,
        filter: &EnablementFilter,
        client: &ClientId,
        user: &UserId,
    ) -> Result<Page<OwnedEnablement>, AddonsError> {
        let mut found = Vec::new();
        for record in self.inner.enablements.list(client, user).await? {
            let view = self.view(&record).await?;
            let is_wanted = filter.addon.as_ref().is_none_or(|wanted| record.addon == *wanted);
            if is_wanted && filter.matches(&record, &view) {
                found.push(OwnedEnablement { client: client.clone(), user: user.clone(), view });
            }
        }
        Ok(Page::last(found))
    }

    async fn one_of(
        &self,
        filter: &EnablementFilter,
        client: &ClientId,
        user: &UserId,
        addon: &AddonId,
    ) -> Result<Option<OwnedEnablement>, AddonsError> {
        let Some(record) = self.inner.enablements.get(client, user, addon).await? else { return Ok(None) };
        let view = self.view(&record).await?;
        let is_wanted = filter.matches(&record, &view);
        Ok(is_wanted.then(|| OwnedEnablement { client: client.clone(), user: user.clone(), view }))
    }

    /// The beginning of the addon behind `place`, where the filter lets there be one.
    async fn next_addon(&self, filter: &EnablementFilter, place: &Place) -> Result<Place, AddonsError> {
        let addon = match (&filter.addon, &place.addon) {
            (Some(only), None) => Some(only.clone()),
            (Some(_), Some(_)) => None,
            (None, after) => {
                let after = after.as_ref().map(AddonId::as_str);
                self.inner.versions.all(after, 1).await?.items.into_iter().next()
            }
        };
        Ok(Place { addon, batch: None, shown: 0 })
    }
}
