//! Every statement of the PostgreSQL store. A test prepares each one on a fresh database.

use tokio_postgres::types::Type;

use super::link::Sql;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident($($of:ident),*) = $text:expr;)*) => {
        $($(#[$doc])* pub(super) static $name: Sql = Sql { text: $text, types: &[$(Type::$of),*] };)*
        /// All of them, for the test.
        #[cfg(test)]
        pub(super) static ALL: &[&Sql] = &[$(&$name),*];
    };
}

/// The columns that make a `Run` but for its lease, in the order in which `rows::run` reads them.
macro_rules! run_columns {
    () => {
        "r.id, r.n, r.owner, r.processor, r.created_at, r.metadata, r.warnings, r.group_id, r.previous_id, r.rerun_of, \
         r.events, r.deadline, r.tells, r.status, r.version, r.modified_at, r.attempts, r.finish, r.meter, r.moment, \
         r.detail, r.papers "
    };
}

/// The columns of its lease, which stand behind those.
macro_rules! lease_columns {
    () => {
        ", l.node, l.token, l.attempt, l.until "
    };
}

macro_rules! runs {
    () => {
        "from runs r left join leases l on l.run = r.id "
    };
}

macro_rules! group_columns {
    () => {
        "id, owner, created_at, metadata, modified_at, last_place, last_end, \
         queued, running, asking, cancelling, completed, failed, cancelled "
    };
}

/// The columns that make a delivery, in the order in which `deliveries::delivery` reads them.
macro_rules! delivery_columns {
    () => {
        "v.run, v.seq, v.receiver, v.owed_at, v.tries, v.since, v.due_at, v.token, v.settled_at, v.outcome, v.owner "
    };
}

/// The filters of a list, $2 to $7: comparisons that are always true when their parameter is null, and then the labels.
macro_rules! as_wanted {
    () => {
        "r.n < $2 and ($3 is null or r.status = $3) and ($4 is null or r.processor = $4) \
         and ($5 is null or r.group_id = $5) and ($6 is null or r.created_at > $6) and r.labels @> $7 "
    };
}

statements! {
    RUN_BY_ID(UUID) = concat!("select ", run_columns!(), lease_columns!(), runs!(), "where r.id = $1");
    RESULT_BY_ID(UUID) = concat!(
        "select ", run_columns!(), lease_columns!(), ", o.body ", runs!(), "left join outputs o on o.run = r.id \
         where r.id = $1"
    );
    LIST(TEXT, INT8, INT8, TEXT, UUID, INT8, TEXT_ARRAY, INT8) = concat!(
        "select ", run_columns!(), lease_columns!(), runs!(), "where r.owner = $1 and ", as_wanted!(),
        "order by r.n desc limit $8"
    );
    /// The same, of those that went on from a run: few, so its own index is the one to go by.
    LIST_ON(TEXT, INT8, INT8, TEXT, UUID, INT8, TEXT_ARRAY, INT8, UUID) = concat!(
        "select ", run_columns!(), lease_columns!(), runs!(), "where r.previous_id = $9 and r.owner = $1 and ",
        as_wanted!(), "order by r.n desc limit $8"
    );
    /// The same, among those in which words were found.
    LIST_FOUND(TEXT, INT8, INT8, TEXT, UUID, INT8, TEXT_ARRAY, INT8, UUID, TEXT) = concat!(
        "select ", run_columns!(), lease_columns!(), runs!(), "join words w on w.run = r.id \
         where w.said @@ $10::tsquery and r.owner = $1 and ($9 is null or r.previous_id = $9) and ", as_wanted!(),
        "order by r.n desc limit $8"
    );
    VERSIONS(UUID_ARRAY) = "select id, version from runs where id = any($1)";
    INPUT_OF(UUID) = "select body from inputs where run = $1";
    INPUTS_OF(UUID_ARRAY) = "select run, body from inputs where run = any($1)";
    WEBHOOK_OF(UUID) = "select url, receiver, secret, form from webhooks where run = $1";
    FACTS_AFTER(UUID, INT8, INT8) =
        "select seq, at, what from facts where run = $1 and seq > $2 order by seq limit $3";
    /// States only; of another owner's, only where they stand.
    FEED(INT8, INT8, TEXT) = concat!(
        "select ", run_columns!(), ", f.g, f.seq, f.at, case when r.owner = $3 then f.what end \
         from (select g, run, seq, at, what from facts where g > $1 and key is null order by g limit $2) f \
         join runs r on r.id = f.run order by f.g"
    );
    FEED_END() = "select g from log_end";
    LEASES_OUT(INT8, INT8) = "select run, token from leases where until <= $1 limit $2";
    EXPIRED(INT8, INT8) =
        "select id from runs where expires_at is not null and expires_at <= $1 order by expires_at limit $2";
    /// Nothing is changed by it, and it can only be done where something could be.
    CAN_WRITE() = "select key from meta where key = 'store_id' for update";

    /// Rows are taken in the order of their ids, so that nobody waits for one who waits for him. Whoever only has to know that
    /// a run stays there (`for key share`) is not kept waiting, and keeps nobody.
    HOLD_RUNS(UUID_ARRAY) = concat!(
        "select ", run_columns!(), ", w.receiver from runs r left join webhooks w on w.run = r.id and r.tells <> 0 \
         where r.id = any($1) order by r.id for no key update of r"
    );
    /// Read once the runs are held: what was read with them may be older than they are.
    LEASES_OF(UUID_ARRAY) = "select run, node, token, attempt, until from leases where run = any($1)";
    SAID(UUID_ARRAY, TEXT_ARRAY) =
        "select f.run, f.key from facts f join unnest($1, $2) s(run, key) on s.run = f.run and s.key = f.key";

    /// Numbers are given in the order of the rows.
    ADD_RUNS(
        UUID_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, UUID_ARRAY, UUID_ARRAY,
        UUID_ARRAY, BOOL_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, BOOL_ARRAY
    ) =
        "with given as (select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         with ordinality as x(id, owner, processor, created_at, metadata, labels, warnings, group_id, previous_id, \
         rerun_of, events, deadline, tells, expires_at, papers, ord)), \
         added as (insert into runs (id, owner, processor, created_at, metadata, labels, warnings, group_id, previous_id, \
         rerun_of, events, deadline, tells, status, version, modified_at, attempts, finish, meter, moment, expires_at, \
         papers) \
         select id, owner, processor, created_at, metadata, coalesce(string_to_array(nullif(labels, ''), chr(30)), '{}'), \
         warnings, group_id, previous_id, rerun_of, events, deadline, tells, 0, 1, created_at, 0, false, 0, created_at, \
         expires_at, papers from given order by ord returning id, n, owner, processor, moment) \
         insert into queue (processor, owner, not_before, n, run) select processor, owner, moment, n, id from added";
    ADD_INPUTS(UUID_ARRAY, BYTEA_ARRAY) = "insert into inputs (run, body) select * from unnest($1, $2)";
    ADD_OUTPUTS(UUID_ARRAY, BYTEA_ARRAY) = "insert into outputs (run, body) select * from unnest($1, $2)";
    ADD_WEBHOOKS(UUID_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY) =
        "insert into webhooks (run, url, receiver, secret, form) select * from unnest($1, $2, $3, $4, $5)";
    SAVE_LIVES(
        UUID_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, BOOL_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY,
        INT8_ARRAY, BOOL_ARRAY
    ) =
        "update runs r set status = x.status, version = x.version, modified_at = x.modified_at, attempts = x.attempts, \
         finish = x.finish, meter = x.meter, moment = x.moment, detail = x.detail, expires_at = x.expires_at, \
         papers = x.papers from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as x(id, status, version, \
         modified_at, attempts, finish, meter, moment, detail, expires_at, papers) where r.id = x.id";
    /// Their places are given in the order of the rows. Of several of one name the first stays.
    KEEP_STEPS(UUID_ARRAY, TEXT_ARRAY, BYTEA_ARRAY) =
        "insert into journal (run, s, key, body) select x.run, \
         (select coalesce(max(j.s), 0) from journal j where j.run = x.run) \
         + row_number() over (partition by x.run order by x.ord), x.key, x.body \
         from unnest($1, $2, $3) with ordinality as x(run, key, body, ord) order by x.ord \
         on conflict (run, key) do nothing";
    JOURNAL_AFTER(UUID, INT8, INT8) = "select s, key, body from journal where run = $1 and s > $2 order by s limit $3";
    FORGET_JOURNALS(UUID_ARRAY) = "delete from journal where run = any($1)";
    ADD_SECRETS(UUID_ARRAY, TEXT_ARRAY) = "insert into secrets (run, body) select * from unnest($1, $2)";
    SECRETS_OF(UUID) = "select body from secrets where run = $1";
    FORGET_SECRETS(UUID_ARRAY) = "delete from secrets where run = any($1)";
    TAKE_FROM_QUEUE(TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY) =
        "delete from queue q using unnest($1, $2, $3, $4) as x(processor, owner, not_before, n) \
         where q.processor = x.processor and q.owner = x.owner and q.not_before = x.not_before and q.n = x.n";
    ADD_TO_QUEUE(TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, UUID_ARRAY) =
        "insert into queue (processor, owner, not_before, n, run) select * from unnest($1, $2, $3, $4, $5)";
    DROP_LEASES(UUID_ARRAY) = "delete from leases where run = any($1)";
    SET_LEASES(UUID_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY) =
        "insert into leases (run, owner, processor, node, token, attempt, until) \
         select * from unnest($1, $2, $3, $4, $5, $6, $7) on conflict (run) do update set node = excluded.node, \
         token = excluded.token, attempt = excluded.attempt, until = excluded.until";
    ADD_DELIVERIES(UUID_ARRAY, INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY) =
        "insert into deliveries (run, seq, owner, receiver, owed_at, tries, due_at, outcome) \
         select run, seq, owner, receiver, owed_at, 0, owed_at, 0 \
         from unnest($1, $2, $3, $4, $5) as x(run, seq, owner, receiver, owed_at)";
    /// Places are given in the order of the rows. From here to the commit nobody else is given one.
    ADD_FACTS(UUID_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8) =
        "with last as (update log_end set g = g + $6 where one = 1 returning g - $6 as g) \
         insert into facts (g, run, seq, at, key, what) select last.g + x.ord, x.run, x.seq, x.at, x.key, x.what \
         from last, unnest($1, $2, $3, $4, $5) with ordinality as x(run, seq, at, key, what, ord)";
    /// Whether a commit of which there is no word was made: this fact of it tells.
    IS_FACT(UUID, INT8, INT8, TEXT) =
        "select 1 from facts where run = $1 and seq = $2 and at = $3 and what = $4";
    COUNT_GROUPS(
        UUID_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY
    ) =
        "update task_groups t set modified_at = greatest(t.modified_at, x.at), queued = t.queued + x.queued, \
         running = t.running + x.running, asking = t.asking + x.asking, cancelling = t.cancelling + x.cancelling, \
         completed = t.completed + x.completed, failed = t.failed + x.failed, cancelled = t.cancelled + x.cancelled \
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) as x(id, at, queued, running, asking, cancelling, completed, \
         failed, cancelled) where t.id = x.id";
    /// Their places in the log are known once their facts are there.
    ADD_GROUP_ENDS(UUID_ARRAY, UUID_ARRAY, INT8_ARRAY) =
        "with ends as (insert into group_ends (group_id, g, run) select x.group_id, f.g, f.run \
         from unnest($1, $2, $3) as x(group_id, run, seq) join facts f on f.run = x.run and f.seq = x.seq \
         returning group_id, g) \
         update task_groups t set last_end = e.g from (select group_id, max(g) as g from ends group by group_id) e \
         where t.id = e.group_id";

    /// What of each owner's queue for each processor is first in line and held by nobody else. In $1 and $2 the processors
    /// and for how many runs of each there is room; of many lines not so much of each is taken.
    FRONTS(TEXT_ARRAY, INT8_ARRAY, INT8) = concat!(
        "with recursive room(processor, most) as (select * from unnest($1, $2)), \
         lines(processor, most, owner) as (\
           select p.processor, p.most, (select min(q.owner) from queue q where q.processor = p.processor) from room p \
           union all select s.processor, s.most, (select min(q.owner) from queue q where q.processor = s.processor \
             and q.owner > s.owner) from lines s where s.owner is not null), \
         shares(processor, owner, most) as (select processor, owner, least(most, greatest(1, 1024 / count(*) over ())) \
           from lines where owner is not null) \
         select ", run_columns!(), ", w.receiver from shares s cross join lateral (\
           select r.* from queue q join runs r on r.id = q.run where q.processor = s.processor and q.owner = s.owner \
           and q.not_before <= $3 order by q.not_before, q.n limit s.most for no key update skip locked) r \
         left join webhooks w on w.run = r.id and r.tells <> 0 \
         order by r.processor, r.owner, r.moment, r.n"
    );
    /// Whether there is anything to claim, at whatever time: most often there is not, and then nothing need be held.
    IS_QUEUED(TEXT_ARRAY) =
        "select 1 from unnest($1) as p(processor) \
         where exists (select 1 from queue q where q.processor = p.processor) limit 1";
    PASS_GATE() = "select one from gate for update";
    RUNNING() = "select owner, processor, count(*) from leases group by owner, processor";
    COUNT_QUEUE() = "select processor, count(*) from queue group by processor";
    COUNT_OWED() = "select count(*) from deliveries where due_at is not null";
    SPOT(UUID) = "select q.processor, q.owner, q.not_before, q.n from runs r join queue q on q.processor = r.processor \
                  and q.owner = r.owner and q.not_before = r.moment and q.n = r.n where r.id = $1";
    AHEAD(TEXT, TEXT, INT8, INT8, INT8) =
        "select count(*) from (select 1 from queue where processor = $1 and owner = $2 and (not_before, n) < ($3, $4) \
         limit $5) x";
    NEXT_OWNER(TEXT, TEXT) = "select min(owner) from queue where processor = $1 and owner > $2";
    FRONT_OF_QUEUE(TEXT, TEXT, INT8, INT8) =
        "select not_before from queue where processor = $1 and owner = $2 and not_before <= $3 \
         order by not_before, n limit $4";

    DELIVERY_BY_ID(UUID, INT8) =
        concat!("select ", delivery_columns!(), "from deliveries v where v.run = $1 and v.seq = $2 for update");
    /// What is due in each line and held by nobody else, a line being an owner's to a receiver.
    DELIVERIES_DUE(INT8, INT8) =
        "with recursive lines(owner, receiver) as (\
           (select owner, receiver from deliveries where due_at is not null order by owner, receiver limit 1) \
           union all select n.owner, n.receiver from lines s cross join lateral (\
             select d.owner, d.receiver from deliveries d where d.due_at is not null \
             and (d.owner, d.receiver) > (s.owner, s.receiver) order by d.owner, d.receiver limit 1) n), \
         due(owner, receiver) as (select s.owner, s.receiver from lines s where exists (select 1 from deliveries d \
           where d.owner = s.owner and d.receiver = s.receiver and d.due_at is not null and d.due_at <= $1)), \
         shares(owner, receiver, most) as (select owner, receiver, least($2, greatest(1, 2048 / count(*) over ())) from due \
           limit 2048) \
         select s.owner, s.receiver, f.due_at, f.run, f.seq from shares s cross join lateral (\
           select d.due_at, d.run, d.seq from deliveries d where d.owner = s.owner and d.receiver = s.receiver \
           and d.due_at is not null and d.due_at <= $1 order by d.due_at, d.run, d.seq limit s.most \
           for update skip locked) f";
    LEASE_DELIVERIES(UUID_ARRAY, INT8_ARRAY, INT8, INT8) =
        "update deliveries v set due_at = $3, token = $4 from unnest($1, $2) as x(run, seq) \
         where v.run = x.run and v.seq = x.seq";
    OWED_DELIVERIES(UUID_ARRAY, INT8_ARRAY) = concat!(
        "select ", delivery_columns!(), ", w.url, w.secret, w.form, b.body \
         from unnest($1, $2) with ordinality as x(run, seq, ord) join deliveries v on v.run = x.run and v.seq = x.seq \
         join webhooks w on w.run = v.run left join delivery_bodies b on b.run = v.run and b.seq = v.seq order by x.ord"
    );
    DELIVERIES_OF(UUID) = concat!(
        "select ", delivery_columns!(), ", w.url, f.what from deliveries v join webhooks w on w.run = v.run \
         join facts f on f.run = v.run and f.seq = v.seq where v.run = $1 order by v.seq"
    );
    SAVE_DELIVERY(UUID, INT8, INT8, INT8, INT8, INT8, INT8) =
        "update deliveries set tries = $3, since = $4, due_at = $5, token = null, settled_at = $6, outcome = $7 \
         where run = $1 and seq = $2";
    KEEP_BODY(UUID, INT8, BYTEA) =
        "insert into delivery_bodies (run, seq, body) select run, seq, $3 from deliveries where run = $1 and seq = $2 \
         for key share on conflict (run, seq) do nothing";
    BODY_OF(UUID, INT8) = "select body from delivery_bodies where run = $1 and seq = $2";
    ADD_ATTEMPT(UUID, INT8, INT8, INT8, INT8, INT8, TEXT) =
        "insert into attempts (run, seq, number, at, took, status, retry_after, said) \
         select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7 from attempts where run = $1 and seq = $2";
    FORGET_OLD_ATTEMPTS(UUID, INT8, INT8) =
        "delete from attempts where run = $1 and seq = $2 and number <= (select max(number) from attempts \
         where run = $1 and seq = $2) - $3";
    ATTEMPTS_OF(UUID) = "select seq, at, took, status, retry_after, said from attempts where run = $1 order by seq, number";
    OWED_BY(UUID) = "select count(*) from deliveries where run = $1 and due_at is not null";

    RECEIPT_BY_KEY(TEXT, TEXT, TEXT, INT8) =
        "select id, body, answer from receipts where owner = $1 and route = $2 and key = $3 and at > $4";
    /// The last of those that may be meant: who tries again soonest is most likely to have tried last. It is held, so that
    /// one retry takes it over.
    RECEIPT_BEFORE(TEXT, TEXT, BYTEA, INT8, INT8) =
        "select id, body, answer from receipts where owner = $1 and route = $2 and body = $3 and retry = $4 \
         and key is null and not taken and at > $5 order by id desc limit 1 for update";
    /// One that is too old, or whose run is gone, may still lie there under the same key.
    FORGET_RECEIPTS_BY_KEY(TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY) =
        "delete from receipts r using unnest($1, $2, $3, $4) as x(owner, route, key, since) \
         where r.owner = x.owner and r.route = x.route and r.key = x.key and r.at <= x.since";
    ADD_RECEIPTS(
        TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, BYTEA_ARRAY, INT8_ARRAY, UUID_ARRAY, TEXT_ARRAY
    ) =
        "insert into receipts (owner, route, key, retry, body, at, run, taken, answer) \
         select owner, route, key, retry, body, at, run, false, answer \
         from unnest($1, $2, $3, $4, $5, $6, $7, $8) with ordinality \
         as x(owner, route, key, retry, body, at, run, answer, ord) order by ord returning id";
    RECEIPT_OF(UUID) = "select id from receipts where run = $1";
    FORGET_RECEIPT(INT8) = "delete from receipts where id = $1";
    TAKE_RECEIPTS(INT8_ARRAY) = "update receipts set taken = true where id = any($1)";
    FORGET_RECEIPTS(INT8, INT8) =
        "delete from receipts where id in (select id from receipts where at < $1 order by at limit $2 \
         for update skip locked) returning id";

    ADD_GROUP(UUID, TEXT, INT8, TEXT) =
        "insert into task_groups (id, owner, created_at, metadata, modified_at, last_place, last_end, \
         queued, running, asking, cancelling, completed, failed, cancelled) \
         values ($1, $2, $3, $4, $3, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
    GROUP_BY_ID(UUID) = concat!("select ", group_columns!(), "from task_groups where id = $1");
    HOLD_GROUP(UUID) = concat!("select ", group_columns!(), "from task_groups where id = $1 for update");
    ADD_GROUP_RUNS(UUID, INT8, UUID_ARRAY) =
        "insert into group_runs (group_id, place, run) select $1, $2 + x.ord, x.run \
         from unnest($3) with ordinality as x(run, ord)";
    GROUP_PLACE(UUID, INT8) = "update task_groups set last_place = $2 where id = $1";
    /// Bodies are read only if they are asked for.
    GROUP_RUNS(UUID, INT8, INT8, BOOL, BOOL) = concat!(
        "select ", run_columns!(), lease_columns!(), ", p.place, i.body, o.body from (select place, run from group_runs \
         where group_id = $1 and place > $2 order by place limit $3) p \
         join runs r on r.id = p.run left join leases l on l.run = r.id \
         left join inputs i on $4 and i.run = r.id left join outputs o on $5 and o.run = r.id order by p.place"
    );
    GROUP_ENDS(UUID, INT8, INT8) = concat!(
        "select ", run_columns!(), ", f.g, f.seq, f.at, f.what from (select g from group_ends \
         where group_id = $1 and g > $2 order by g limit $3) e \
         join facts f on f.g = e.g join runs r on r.id = f.run order by f.g"
    );

    FORGET_BODIES(UUID) = "delete from delivery_bodies where run = $1";
    FORGET_ATTEMPTS(UUID) = "delete from attempts where run = $1";
    FORGET_DELIVERIES(UUID) = "delete from deliveries where run = $1";
    FORGET_WEBHOOK(UUID) = "delete from webhooks where run = $1";
    FORGET_RECEIPTS_OF(UUID) = "delete from receipts where run = $1";
    FORGET_GROUP_END(UUID) = "delete from group_ends where run = $1";
    FORGET_GROUP_RUN(UUID) = "delete from group_runs where run = $1";
    FORGET_JOURNAL(UUID) = "delete from journal where run = $1";
    FORGET_SECRETS_OF(UUID) = "delete from secrets where run = $1";
    FORGET_WORDS(UUID) = "delete from words where run = $1";
    /// In no state but the last three does a run end. Those that were accepted later cannot have ended before.
    ENDED_BEFORE(INT8, INT8) =
        "select id from runs r where created_at <= $1 and status >= 4 and modified_at <= $1 and not exists \
         (select 1 from deliveries v where v.run = r.id and v.due_at is not null) order by created_at limit $2";
    FORGET_FACTS(UUID) = "delete from facts where run = $1";
    FORGET_INPUT(UUID) = "delete from inputs where run = $1";
    FORGET_OUTPUT(UUID) = "delete from outputs where run = $1";
    FORGET_RUN(UUID) = "delete from runs where id = $1";

    /// One node at a time follows the log for the search; the others leave it to that one.
    SEARCHED() = "select g from search_state for update skip locked";
    /// What a processor tells on its way is not searched.
    FACTS_TO_SEARCH(INT8, INT8) = "select g, run, seq from facts where g > $1 and key is null order by g limit $2";
    BODIES_OF(UUID_ARRAY) = "select i.run, i.body, o.body from inputs i left join outputs o on o.run = i.run \
                             where i.run = any($1) order by i.run";
    SEARCH_ON(INT8) = "update search_state set g = $1";
    /// Of those only that are still there; who forgets one waits until this is done, or is waited for.
    LEARN(UUID_ARRAY, TEXT_ARRAY) =
        "insert into words (run, said) select r.id, x.said::tsvector from unnest($1, $2) as x(run, said) \
         join runs r on r.id = x.run order by r.id for key share of r on conflict (run) do update set said = excluded.said";

    KEYS() = "select digest, name, ending, owner, created_at, expires_at, revoked_at from keys order by k";
    /// Whoever changes keys holds this, so that two cannot be given one name.
    HOLD_KEYS() = "select key from meta where key = 'store_id' for update";
    ADD_KEY(BYTEA, TEXT, TEXT, TEXT, INT8, INT8, INT8) =
        "insert into keys (digest, name, ending, owner, created_at, expires_at, revoked_at) \
         values ($1, $2, $3, $4, $5, $6, $7)";
    REVOKE_KEY(BYTEA, INT8) = "update keys set revoked_at = $2 where digest = $1";
    FORGET_KEY(BYTEA) = "delete from keys where digest = $1";
    COUNT_KEYS() = "select count(*) from keys";

    KEEP_SOURCES(BYTEA_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY, INT8_ARRAY, BYTEA_ARRAY) =
        "insert into sources (hash, url, url_hash, retrieved_at, body) \
         select hash, url, url_hash, retrieved_at, body from unnest($1, $2, $3, $4, $5) with ordinality \
         as x(hash, url, url_hash, retrieved_at, body, ord) order by ord on conflict (hash) do nothing";
    SOURCE_BY_HASH(BYTEA) = "select hash, url, retrieved_at, body from sources where hash = $1";
    SOURCE_AT(BYTEA, BYTEA) =
        "select hash, url, retrieved_at, body from sources where url_hash = $1 and url = $2 \
         order by retrieved_at desc nulls last, hash desc limit 1";

    ANNOUNCE(INT8, TEXT, TEXT, TEXT, TEXT, INT8, INT8, TEXT) =
        "insert into nodes (id, role, host, address, version, started_at, seen_at, processors) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do update set role = excluded.role, \
         host = excluded.host, address = excluded.address, version = excluded.version, \
         started_at = excluded.started_at, seen_at = excluded.seen_at, processors = excluded.processors";
    FORGET_DEAD_NODES(INT8, INT8) = "delete from nodes where id <> $1 and seen_at <= $2";
    NODES(INT8) = "select id, role, host, address, version, started_at, seen_at, processors from nodes \
                   where seen_at > $1 order by started_at, id";
    LEAVE(INT8) = "delete from nodes where id = $1";

    META(TEXT) = "select value from meta where key = $1";
    SET_META(TEXT, TEXT) = "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing";
    SCHEMA() = "select version from legwork_schema for update";
    SCHEMA_SEEN() = "select version from legwork_schema";
    COUNT_RUNS() = "select count(*) from runs";
    SET_SCHEMA(INT8) = "update legwork_schema set version = $1";
    /// Everything in the order in which it is written out. Numbers are drawn ahead of what is on disk, and never twice.
    LAST_RUN() = "select case when is_called then last_value else 0 end from run_numbers";
    ALL_GROUPS() = concat!("select ", group_columns!(), "from task_groups order by created_at, id");
    ALL_RUNS() = concat!(
        "select ", run_columns!(), lease_columns!(), ", p.place, w.url, w.receiver, w.secret, w.form, i.body, o.body, \
         s.body ", runs!(), "left join group_runs p on p.run = r.id left join webhooks w on w.run = r.id \
         left join inputs i on i.run = r.id left join outputs o on o.run = r.id \
         left join secrets s on s.run = r.id order by r.n"
    );
    ALL_STEPS() = "select r.n, j.key, j.body from journal j join runs r on r.id = j.run order by r.n, j.s";
    ALL_FACTS() = "select f.g, r.n, f.run, f.seq, f.at, f.what from facts f join runs r on r.id = f.run order by f.g";
    ALL_DELIVERIES() = concat!(
        "select ", delivery_columns!(), ", b.body, \
         array(select at from attempts a where a.run = v.run and a.seq = v.seq order by number), \
         array(select took from attempts a where a.run = v.run and a.seq = v.seq order by number), \
         array(select status from attempts a where a.run = v.run and a.seq = v.seq order by number), \
         array(select retry_after from attempts a where a.run = v.run and a.seq = v.seq order by number), \
         array(select said from attempts a where a.run = v.run and a.seq = v.seq order by number) \
         from deliveries v join facts f on f.run = v.run and f.seq = v.seq \
         left join delivery_bodies b on b.run = v.run and b.seq = v.seq order by f.g"
    );
    ALL_RECEIPTS() = "select c.owner, c.route, c.key, c.retry, c.body, c.at, r.n, c.taken, c.answer from receipts c \
                      left join runs r on r.id = c.run order by c.id";
    ALL_SOURCES() = "select hash, url, retrieved_at, body from sources order by hash";

    /// What may have nothing in it where another store is taken in.
    IS_USED() = "select exists (select 1 from runs) or exists (select 1 from task_groups) or exists (select 1 from keys) \
                 or exists (select 1 from receipts) or exists (select 1 from sources)";
    ALIVE(INT8) = "select address from nodes where seen_at > $1 order by started_at, id limit 1";
    BECOME(TEXT, TEXT) = "update meta set value = case key when 'store_id' then $1 else $2 end \
                          where key in ('store_id', 'seal')";
    SET_LAST_FACT(INT8) = "update log_end set g = $1";
    /// The next number is the one behind $1.
    SET_LAST_RUN(INT8) = "select setval('run_numbers', greatest($1, 1), $1 > 0)";
    PUT_KEYS(BYTEA_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY) =
        "insert into keys (digest, name, ending, owner, created_at, expires_at, revoked_at) \
         select digest, name, ending, owner, created_at, expires_at, revoked_at from unnest($1, $2, $3, $4, $5, $6, $7) \
         with ordinality as x(digest, name, ending, owner, created_at, expires_at, revoked_at, ord) order by ord";
    PUT_GROUPS(UUID_ARRAY, TEXT_ARRAY, INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY) =
        "insert into task_groups (id, owner, created_at, metadata, modified_at, last_place, last_end, \
         queued, running, asking, cancelling, completed, failed, cancelled) \
         select *, 0, 0, 0, 0, 0, 0, 0 from unnest($1, $2, $3, $4, $5, $6, $7)";
    PUT_RUNS(
        UUID_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, UUID_ARRAY, UUID_ARRAY,
        UUID_ARRAY, BOOL_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY,
        BOOL_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, BOOL_ARRAY
    ) =
        "insert into runs (id, n, owner, processor, created_at, metadata, labels, warnings, group_id, previous_id, \
         rerun_of, events, deadline, tells, status, version, modified_at, attempts, finish, meter, moment, detail, \
         expires_at, papers) select id, n, owner, processor, created_at, metadata, \
         coalesce(string_to_array(nullif(labels, ''), chr(30)), '{}'), warnings, group_id, previous_id, rerun_of, events, \
         deadline, tells, status, version, modified_at, attempts, finish, meter, moment, detail, expires_at, papers \
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24) as x(id, owner, processor, created_at, metadata, labels, warnings, group_id, previous_id, rerun_of, \
         events, deadline, tells, n, status, version, modified_at, attempts, finish, meter, moment, detail, expires_at, \
         papers)";
    /// The places of the groups in $1 that are not there, counted from 1.
    UNKNOWN_GROUPS(UUID_ARRAY) =
        "select ord from unnest($1) with ordinality as x(id, ord) where x.id is not null \
         and not exists (select 1 from task_groups t where t.id = x.id) order by ord limit 1";
    PUT_GROUP_RUNS(UUID_ARRAY, INT8_ARRAY, UUID_ARRAY) =
        "insert into group_runs (group_id, place, run) select * from unnest($1, $2, $3)";
    /// The places of the runs in $1 that are not there, counted from 1.
    UNKNOWN_RUNS(INT8_ARRAY) =
        "select ord from unnest($1) with ordinality as x(n, ord) where x.n is not null \
         and not exists (select 1 from runs r where r.n = x.n) order by ord limit 1";
    /// The places of the runs in $1 that have no papers, counted from 1.
    WITHOUT_PAPERS(INT8_ARRAY) =
        "select ord from unnest($1) with ordinality as x(n, ord) join runs r on r.n = x.n where not r.papers \
         order by ord limit 1";
    PUT_STEPS(INT8_ARRAY, TEXT_ARRAY, BYTEA_ARRAY) =
        "insert into journal (run, s, key, body) select r.id, \
         (select coalesce(max(j.s), 0) from journal j where j.run = r.id) \
         + row_number() over (partition by r.id order by x.ord), x.key, x.body \
         from unnest($1, $2, $3) with ordinality as x(n, key, body, ord) join runs r on r.n = x.n order by x.ord";
    PUT_FACTS(INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY) =
        "insert into facts (g, run, seq, at, key, what) select x.g, r.id, x.seq, x.at, x.key, x.what \
         from unnest($1, $2, $3, $4, $5, $6) as x(g, n, seq, at, key, what) join runs r on r.n = x.n";
    PUT_GROUP_ENDS(INT8_ARRAY, INT8_ARRAY) =
        "insert into group_ends (group_id, g, run) select r.group_id, x.g, r.id from unnest($1, $2) as x(g, n) \
         join runs r on r.n = x.n where r.group_id is not null";
    /// The places of those whose fact or webhook is not there, counted from 1.
    UNTELLABLE(UUID_ARRAY, INT8_ARRAY) =
        "select ord from unnest($1, $2) with ordinality as x(run, seq, ord) \
         where not exists (select 1 from facts f where f.run = x.run and f.seq = x.seq) \
         or not exists (select 1 from webhooks w where w.run = x.run) order by ord limit 1";
    PUT_DELIVERIES(UUID_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY) =
        "insert into deliveries (run, seq, owner, receiver, owed_at, tries, since, due_at, settled_at, outcome) \
         select x.run, x.seq, r.owner, w.receiver, x.owed_at, x.tries, x.since, x.due_at, x.settled_at, x.outcome \
         from unnest($1, $2, $3, $4, $5, $6, $7, $8) as x(run, seq, owed_at, tries, since, due_at, settled_at, outcome) \
         join runs r on r.id = x.run join webhooks w on w.run = x.run";
    PUT_BODIES(UUID_ARRAY, INT8_ARRAY, BYTEA_ARRAY) =
        "insert into delivery_bodies (run, seq, body) select * from unnest($1, $2, $3)";
    PUT_ATTEMPTS(UUID_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY) =
        "insert into attempts (run, seq, number, at, took, status, retry_after, said) \
         select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)";
    PUT_RECEIPTS(
        TEXT_ARRAY, TEXT_ARRAY, TEXT_ARRAY, INT8_ARRAY, BYTEA_ARRAY, INT8_ARRAY, INT8_ARRAY, BOOL_ARRAY, TEXT_ARRAY
    ) =
        "insert into receipts (owner, route, key, retry, body, at, run, taken, answer) \
         select x.owner, x.route, x.key, x.retry, x.body, x.at, r.id, x.taken, x.answer \
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) with ordinality \
         as x(owner, route, key, retry, body, at, n, taken, answer, ord) left join runs r on r.n = x.n order by ord";
    PUT_SOURCES(BYTEA_ARRAY, BYTEA_ARRAY, BYTEA_ARRAY, INT8_ARRAY, BYTEA_ARRAY) =
        "insert into sources (hash, url, url_hash, retrieved_at, body) select * from unnest($1, $2, $3, $4, $5)";
    WITHOUT_ITS_LOG() =
        "select r.id from runs r left join (select run, count(*) as count, max(seq) as last from facts group by run) f \
         on f.run = r.id where r.version is distinct from f.count or r.version is distinct from f.last limit 1";

    NOW() = "select (extract(epoch from clock_timestamp()) * 1000000)::int8";
    NOTIFY(TEXT, TEXT) = "select pg_notify($1, $2)";
}
