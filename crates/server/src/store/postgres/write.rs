//! Writes that do not share a commit: groups, what is put into them, and what is removed.

use legwork_core::command::Command;
use legwork_core::group::Group;
use legwork_core::id::{GroupId, RunId};
use legwork_core::store::{AddedToGroup, ForgetError, NewGroup, NewRun, StoreError};
use legwork_core::time::Micros;

use super::alone::{Stopped, alone};
use super::groups::{self, Making};
use super::link::{COMMIT, Step};
use super::rows::{get, uuid};
use super::unit::Unit;
use super::{PostgresStore, sql};

impl PostgresStore {
    /// Makes a group without runs.
    pub(super) async fn make_group(&self, new: &NewGroup, now: Micros) -> Result<Group, StoreError> {
        let making = &Making::of(new, now)?;
        alone(&self.pool, |link| async move {
            let mut unit = Unit::new(self.metrics.clone());
            unit.commit(&link, false, vec![making.step()]).await.map_err(Stopped::at_commit)?;
            Ok(groups::made(new, now))
        })
        .await
    }

    /// Accepts runs into their group, all or none of them; `None` when there is no such group.
    pub(super) async fn add_to_group(
        &self,
        id: GroupId,
        runs: &[NewRun],
        now: Micros,
    ) -> Result<Option<AddedToGroup>, StoreError> {
        let added = alone(&self.pool, |link| async move {
            let mut unit = Unit::new(self.metrics.clone());
            let Some(added) = groups::add(&link, &mut unit, false, id, runs, now).await? else {
                link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                return Ok(None);
            };
            unit.commit(&link, true, Vec::new()).await.map_err(Stopped::at_commit)?;
            Ok(Some((added, unit)))
        });
        Ok(added.await?.map(|(added, unit)| {
            self.teller.tell(&unit.into_told());
            added
        }))
    }

    /// Removes an ended run with everything that hangs on it, in one commit.
    pub(super) async fn remove(&self, id: RunId) -> Result<(), ForgetError> {
        let removed = alone(&self.pool, |link| async move {
            let mut unit = Unit::new(self.metrics.clone());
            unit.hold(&link, &[(id, &Command::Cancel)]).await??;
            let refused = match unit.run(id) {
                None => Some(ForgetError::Unknown),
                Some(run) if !run.life.status().is_ended() => Some(ForgetError::NotEnded(run.life.status())),
                Some(_) => None,
            };
            if let Some(refused) = refused {
                link.plain(COMMIT).await.map_err(Stopped::at_commit)?;
                return Ok(Err(refused));
            }
            let life = unit.run(id).map(|run| (run.group, run.life.status(), run.life.modified_at));
            if let Some((Some(group), status, at)) = life {
                unit.leave_group(group, status, at);
            }
            let run = uuid(id);
            let owed = link.row(&sql::OWED_BY, &[&run]).await?.map_or(Ok(0), |row| get::<i64>(&row, 0))?;
            unit.told().more_owed -= owed;
            unit.told().changed.push(id);
            let all = [
                // First what others hold when they add to the next two.
                &sql::FORGET_DELIVERIES,
                &sql::FORGET_BODIES,
                &sql::FORGET_ATTEMPTS,
                &sql::FORGET_WEBHOOK,
                &sql::FORGET_RECEIPTS_OF,
                &sql::FORGET_GROUP_END,
                &sql::FORGET_GROUP_RUN,
                &sql::FORGET_JOURNAL,
                &sql::FORGET_SECRETS_OF,
                &sql::FORGET_WORDS,
                &sql::FORGET_FACTS,
                &sql::FORGET_INPUT,
                &sql::FORGET_OUTPUT,
                &sql::FORGET_RUN,
            ];
            let steps = all.into_iter().map(|statement| Step::With(statement, vec![&run])).collect();
            unit.commit(&link, true, steps).await.map_err(Stopped::at_commit)?;
            Ok(Ok(unit))
        });
        self.teller.tell(&removed.await??.into_told());
        Ok(())
    }
}
