//! The processes that share the store, in a table: each writes its own row again and again, and is gone when it does not.

use legwork_core::id::NodeId;
use legwork_core::node::{ALIVE_FOR, Node};
use legwork_core::store::StoreError;
use legwork_core::time::Micros;
use tokio_postgres::Row;

use super::alone::{Stopped, alone};
use super::link::{BEGIN, COMMIT, Step, Value};
use super::pool::Pool;
use super::rows::get;
use super::sql;
use crate::store::columns::json;

pub(super) async fn announce(pool: &Pool, node: &Node, now: Micros) -> Result<(), StoreError> {
    let Node { id, role, host, address, version, started_at, processors, .. } = node;
    let (id, role, address, processors) = (id.0.cast_signed(), role.to_string(), address.to_string(), json(processors));
    let columns: &[Value<'_>] = &[&id, &role, host, &address, version, &started_at.0, &now.0, &processors];
    let dead = (now - ALIVE_FOR).0;
    let (id, dead) = (&id, &dead);
    alone(pool, |link| async move {
        let steps = [
            Step::Plain(BEGIN),
            Step::With(&sql::ANNOUNCE, columns.to_vec()),
            Step::With(&sql::FORGET_DEAD_NODES, vec![id, dead]),
            Step::Plain(COMMIT),
        ];
        link.all(&steps).await.map(drop).map_err(Stopped::at_commit)
    })
    .await
}

/// Those that are alive.
pub(super) async fn alive(pool: &Pool, now: Micros) -> Result<Vec<Node>, StoreError> {
    pool.rows(&sql::NODES, &[&(now - ALIVE_FOR).0]).await?.iter().map(one).collect()
}

pub(super) async fn leave(pool: &Pool, id: NodeId) -> Result<(), StoreError> {
    let id = &id.0.cast_signed();
    alone(pool, |link| async move { link.rows(&sql::LEAVE, &[id]).await.map(drop).map_err(Stopped::from) }).await
}

fn one(row: &Row) -> Result<Node, StoreError> {
    let odd = |what: &str| StoreError::Inconsistent(format!("a node's {what} cannot be read"));
    Ok(Node {
        id: NodeId(get::<i64>(row, 0)?.cast_unsigned()),
        role: get::<&str>(row, 1)?.parse().map_err(|_| odd("role"))?,
        host: get(row, 2)?,
        address: get::<&str>(row, 3)?.parse().map_err(|_| odd("address"))?,
        version: get(row, 4)?,
        started_at: Micros(get(row, 5)?),
        seen_at: Micros(get(row, 6)?),
        processors: serde_json::from_str(get(row, 7)?).map_err(|_| odd("list of processors"))?,
    })
}
