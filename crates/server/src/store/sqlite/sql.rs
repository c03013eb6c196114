//! Every statement of the embedded store. A test prepares each one on a fresh database.

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $text;)*
        /// All of them, for the test.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($text),*];
    };
}

/// The columns that make a `Run`, in the order in which `rows::run` reads them.
macro_rules! run_columns {
    () => {
        "r.n, r.id, r.owner, r.processor, r.created_at, r.metadata, r.warnings, r.group_id, r.events, r.deadline, \
         r.status, r.version, r.modified_at, r.attempts, r.finish, r.meter, r.moment, r.detail, \
         l.node, l.token, l.attempt, l.until, r.tells, r.previous_id, r.rerun_of, r.papers "
    };
}

/// The columns that make a delivery, in the order in which `deliveries::delivery` reads them.
macro_rules! delivery_columns {
    () => {
        "v.d, r.id, v.seq, v.receiver, v.owed_at, v.tries, v.since, v.due_at, v.token, v.settled_at, v.outcome, v.owner "
    };
}

/// The columns that make a group, in the order in which `groups::row` reads them.
macro_rules! group_columns {
    () => {
        "m, id, owner, created_at, metadata, modified_at, last_place, last_end, \
         queued, running, asking, cancelling, completed, failed, cancelled "
    };
}

/// The columns of a new run but for its number, in the order in which `write::with_columns` gives them, ?1 to ?22.
macro_rules! run_to_add {
    ($($n:tt)*) => {
        concat!(
            "insert into runs (n, id, owner, processor, created_at, metadata, warnings, group_id, events, deadline, \
             status, version, modified_at, attempts, finish, meter, moment, detail, expires_at, tells, previous_id, \
             rerun_of, papers) values (", $($n)*, ", ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, \
             ?16, ?17, ?18, ?19, ?20, ?21, ?22) "
        )
    };
}

macro_rules! runs {
    () => {
        "from runs r left join leases l on l.n = r.n "
    };
}

/// The filters of a list, ?2 to ?7: comparisons that are always true when their parameter is null, and then each of the
/// wanted metadata.
macro_rules! as_wanted {
    () => {
        "r.n < ?2 and (?3 is null or r.status = ?3) and (?4 is null or r.processor = ?4) \
         and (?5 is null or r.group_id = ?5) and (?6 is null or r.created_at > ?6) \
         and not exists (select 1 from json_each(?7) w where not exists (select 1 from json_each(r.metadata) m \
             where m.key = w.key and w.value = case when m.type in ('true', 'false') then m.type \
                 else cast(m.value as text) end)) "
    };
}

/// The highest number that a run ever had.
macro_rules! last_run {
    () => {
        "max((select coalesce(max(n), 0) from runs), \
         (select coalesce(max(cast(value as integer)), 0) from meta where key = 'last_run'))"
    };
}

statements! {
    RUN_BY_ID = concat!("select ", run_columns!(), runs!(), "where r.id = ?1");
    RESULT_BY_ID = concat!(
        "select ", run_columns!(), ", o.body ", runs!(), "left join outputs o on o.n = r.n where r.id = ?1"
    );
    RUN_BY_N = concat!("select ", run_columns!(), runs!(), "where r.n = ?1");
    LIST = concat!(
        "select ", run_columns!(), runs!(), "where r.owner = ?1 and ", as_wanted!(), "order by r.n desc limit ?8"
    );
    /// The same, of those that went on from a run: few, so its own index is the one to go by.
    LIST_ON = concat!(
        "select ", run_columns!(), runs!(), "where r.previous_id = ?9 and +r.owner = ?1 and ", as_wanted!(),
        "order by r.n desc limit ?8"
    );
    /// The same, among those in which words were found. The cross join keeps SQLite from asking the index once a run: it
    /// gives what it found newest first, and a page reads a page.
    LIST_FOUND = concat!(
        "select ", run_columns!(), "from search s cross join runs r on r.n = s.rowid left join leases l on l.n = r.n \
         where s.search match ?10 and s.rowid < ?2 and r.owner = ?1 and (?9 is null or r.previous_id = ?9) and ",
        as_wanted!(), "order by s.rowid desc limit ?8"
    );
    VERSION_OF = "select version from runs where id = ?1";
    INPUT_OF = "select body from inputs where n = (select n from runs where id = ?1)";
    OUTPUT_BY_N = "select body from outputs where n = ?1";
    ID_BY_N = "select id from runs where n = ?1";
    IS_RUN = "select 1 from runs where n = ?1 and id = ?2";
    INPUT_BY_N = "select body from inputs where n = ?1";
    FACTS_AFTER = "select seq, at, what from facts where n = (select n from runs where id = ?1) and seq > ?2 \
                   order by seq limit ?3";
    /// States only; of another owner's, only where they stand.
    FEED = concat!(
        "select ", run_columns!(), ", f.g, f.seq, f.at, f.what from (select g, n, seq, at, what from facts \
         where g > ?1 and key is null order by g limit ?2) f join runs r on r.n = f.n left join leases l on l.n = r.n \
         order by f.g"
    );
    FEED_END = "select max((select coalesce(max(g), 0) from facts), \
                (select coalesce(max(cast(value as integer)), 0) from meta where key = 'last_fact'))";
    KEEP_FEED_END = "insert or replace into meta (key, value) values ('last_fact', ?1)";
    SEAL = "select value from meta where key = 'seal'";
    SET_SEAL = "insert into meta (key, value) values ('seal', ?1)";
    LEASES_OUT = "select r.id, l.token from leases l join runs r on r.n = l.n where l.until <= ?1 limit ?2";
    EXPIRED = "select id from runs where expires_at is not null and expires_at <= ?1 order by expires_at limit ?2";

    /// A number is never given twice, or a page that a list goes on with would show what came later.
    ADD_RUN = concat!(run_to_add!(concat!(last_run!(), " + 1")), "on conflict (id) do nothing");
    KEEP_LAST_RUN = concat!("insert or replace into meta (key, value) values ('last_run', ", last_run!(), ")");
    SAVE_LIFE = "update runs set status = ?2, version = ?3, modified_at = ?4, attempts = ?5, finish = ?6, meter = ?7, \
                 moment = ?8, detail = ?9, expires_at = ?10, papers = ?11 where n = ?1";
    ADD_INPUT = "insert into inputs (n, body) values (?1, ?2)";
    ADD_OUTPUT = "insert into outputs (n, body) values (?1, ?2)";
    ADD_FACT = "insert into facts (g, n, seq, at, key, what) values (?1, ?2, ?3, ?4, ?5, ?6)";
    IS_SAID = "select 1 from facts where n = ?1 and key = ?2 and key is not null";

    KEEP_STEP = "insert into journal (n, key, body) values (?1, ?2, ?3) on conflict (n, key) do nothing";
    JOURNAL_OF = "select key, body from journal where n = (select n from runs where id = ?1) order by s";
    FORGET_JOURNAL = "delete from journal where n = ?1";
    ADD_SECRETS = "insert into secrets (n, body) values (?1, ?2)";
    SECRETS_OF = "select body from secrets where n = (select n from runs where id = ?1)";
    FORGET_SECRETS = "delete from secrets where n = ?1";

    ADD_TO_QUEUE = "insert into queue (processor, owner, not_before, n) values (?1, ?2, ?3, ?4)";
    TAKE_FROM_QUEUE = "delete from queue where processor = ?1 and owner = ?2 and not_before = ?3 and n = ?4";
    NEXT_OWNER = "select owner from queue where processor = ?1 and owner > ?2 order by owner limit 1";
    FRONT_OF_QUEUE = "select not_before, n from queue where processor = ?1 and owner = ?2 and not_before <= ?3 \
                      order by not_before, n limit ?4";
    SPOT = "select q.processor, q.owner, q.not_before, q.n from runs r join queue q on q.processor = r.processor \
            and q.owner = r.owner and q.not_before = r.moment and q.n = r.n where r.id = ?1";
    AHEAD = "select count(*) from (select 1 from queue where processor = ?1 and owner = ?2 \
             and (not_before, n) < (?3, ?4) limit ?5)";
    RUNNING_BY_OWNER = "select owner, count(*) from leases group by owner";
    COUNT_RUNS = "select count(*) from runs";
    COUNT_QUEUE = "select processor, count(*) from queue group by processor";
    COUNT_LEASES = "select r.processor, count(*) from leases l join runs r on r.n = l.n group by r.processor";
    SET_LEASE = "insert into leases (n, owner, node, token, attempt, until) values (?1, ?2, ?3, ?4, ?5, ?6) \
                 on conflict (n) do update set node = excluded.node, token = excluded.token, \
                 attempt = excluded.attempt, until = excluded.until";
    DROP_LEASE = "delete from leases where n = ?1";

    ADD_WEBHOOK = "insert into webhooks (n, url, receiver, secret, form) values (?1, ?2, ?3, ?4, ?5)";
    WEBHOOK_OF = "select w.url, w.receiver, w.secret, w.form from runs r join webhooks w on w.n = r.n where r.id = ?1";
    RECEIVER_OF = "select r.owner, w.receiver from webhooks w join runs r on r.n = w.n where w.n = ?1";
    ADD_DELIVERY = "insert into deliveries (n, seq, owner, receiver, owed_at, tries, due_at, outcome) \
                    values (?1, ?2, ?3, ?4, ?5, 0, ?5, 0)";
    DELIVERY_BY_ID = concat!(
        "select ", delivery_columns!(), "from runs r join deliveries v on v.n = r.n where r.id = ?1 and v.seq = ?2"
    );
    OWED_DELIVERY = concat!(
        "select ", delivery_columns!(), ", w.url, w.secret, w.form, b.body from deliveries v \
         join runs r on r.n = v.n join webhooks w on w.n = v.n left join delivery_bodies b on b.d = v.d where v.d = ?1"
    );
    DELIVERIES_OF = concat!(
        "select ", delivery_columns!(), ", w.url, f.what from runs r join deliveries v on v.n = r.n \
         join webhooks w on w.n = r.n join facts f on f.n = v.n and f.seq = v.seq where r.id = ?1 order by v.seq"
    );
    SAVE_DELIVERY = "update deliveries set tries = ?2, since = ?3, due_at = ?4, token = null, settled_at = ?5, \
                     outcome = ?6 where d = ?1";
    LEASE_DELIVERY = "update deliveries set due_at = ?2, token = ?3 where d = ?1";
    NEXT_OWED_OWNER = "select owner from receivers where owner > ?1 order by owner limit 1";
    RECEIVERS_DUE = "select receiver from receivers where owner = ?1 and next_due <= ?2 order by next_due limit ?3";
    FRONT_OF_RECEIVER = "select due_at, d from deliveries where owner = ?1 and receiver = ?2 and due_at is not null \
                         and due_at <= ?3 order by due_at, d limit ?4";
    RECEIVER_SOONER = "insert into receivers (owner, receiver, next_due) values (?1, ?2, ?3) \
                       on conflict (owner, receiver) do update set next_due = excluded.next_due \
                       where excluded.next_due < next_due";
    /// A receiver that nothing is owed to any more is forgotten; any other has a next moment, which is written after this.
    RECEIVER_DONE = "delete from receivers where owner = ?1 and receiver = ?2 and not exists (select 1 from deliveries \
                     where owner = ?1 and receiver = ?2 and due_at is not null)";
    RECEIVER_NEXT = "update receivers set next_due = (select min(due_at) from deliveries where owner = ?1 \
                     and receiver = ?2 and due_at is not null) where owner = ?1 and receiver = ?2";
    KEEP_BODY = "insert into delivery_bodies (d, body) values (?1, ?2) on conflict (d) do nothing";
    BODY_OF = "select body from delivery_bodies where d = ?1";
    ADD_ATTEMPT = "insert into attempts (d, number, at, took, status, retry_after, said) \
                   select ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 from attempts where d = ?1";
    FORGET_OLD_ATTEMPTS = "delete from attempts where d = ?1 and number <= (select max(number) from attempts \
                           where d = ?1) - ?2";
    ATTEMPTS_OF = "select at, took, status, retry_after, said from attempts where d = ?1 order by number";
    COUNT_OWED = "select count(*) from deliveries where due_at is not null";
    COUNT_OWED_BY = "select count(*) from deliveries where n = ?1 and due_at is not null";
    /// In this order: which receivers are owed again is known by the tokens.
    VOID_RECEIVERS = "insert or replace into receivers (owner, receiver, next_due) select distinct owner, receiver, 0 \
                      from deliveries where due_at is not null and token is not null";
    VOID_DELIVERIES = "update deliveries set due_at = owed_at, token = null \
                       where due_at is not null and token is not null";
    FORGET_BODIES = "delete from delivery_bodies where d in (select d from deliveries where n = ?1)";
    FORGET_ATTEMPTS = "delete from attempts where d in (select d from deliveries where n = ?1)";
    FORGET_DELIVERIES = "delete from deliveries where n = ?1";
    FORGET_WEBHOOK = "delete from webhooks where n = ?1";

    RECEIPT_BY_KEY = "select id, body, answer from receipts where owner = ?1 and route = ?2 and key = ?3 and at > ?4";
    /// The last of those that may be meant: who tries again soonest is most likely to have tried last.
    RECEIPT_BEFORE = "select id, body, answer from receipts where owner = ?1 and route = ?2 and body = ?3 \
                      and retry = ?4 and key is null and taken = 0 and at > ?5 order by id desc limit 1";
    ADD_RECEIPT = "insert into receipts (owner, route, key, retry, body, at, n, taken, answer) \
                   values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)";
    TAKE_RECEIPT = "update receipts set taken = 1 where id = ?1";
    FORGET_RECEIPT_BY_KEY = "delete from receipts where owner = ?1 and route = ?2 and key = ?3";
    FORGET_RECEIPTS = "delete from receipts where id in (select id from receipts where at < ?1 order by at limit ?2)";
    FORGET_RECEIPTS_OF = "delete from receipts where n = ?1";

    ADD_GROUP = "insert into task_groups (id, owner, created_at, metadata, modified_at, last_place, last_end, \
                 queued, running, asking, cancelling, completed, failed, cancelled) \
                 values (?1, ?2, ?3, ?4, ?3, 0, 0, 0, 0, 0, 0, 0, 0, 0) on conflict (id) do nothing";
    GROUP_BY_ID = concat!("select ", group_columns!(), "from task_groups where id = ?1");
    COUNT_GROUP = "update task_groups set modified_at = max(modified_at, ?2), queued = queued + ?3, \
                   running = running + ?4, asking = asking + ?5, cancelling = cancelling + ?6, \
                   completed = completed + ?7, failed = failed + ?8, cancelled = cancelled + ?9 where id = ?1";
    ADD_GROUP_RUN = "insert into group_runs (m, place, n) values (?1, ?2, ?3)";
    GROUP_PLACE = "update task_groups set last_place = ?2 where m = ?1";
    ADD_GROUP_END = "insert into group_ends (m, g, n) select m, ?2, ?3 from task_groups where id = ?1";
    GROUP_END = "update task_groups set last_end = ?2 where id = ?1";
    /// Bodies are read only if they are asked for.
    GROUP_RUNS = concat!(
        "select ", run_columns!(), ", p.place, i.body, o.body from (select place, n from group_runs \
         where m = (select m from task_groups where id = ?1) and place > ?2 order by place limit ?3) p \
         join runs r on r.n = p.n left join leases l on l.n = r.n \
         left join inputs i on ?4 and i.n = r.n left join outputs o on ?5 and o.n = r.n order by p.place"
    );
    GROUP_ENDS = concat!(
        "select ", run_columns!(), ", f.g, f.seq, f.at, f.what from (select g from group_ends \
         where m = (select m from task_groups where id = ?1) and g > ?2 order by g limit ?3) e \
         join facts f on f.g = e.g join runs r on r.n = f.n left join leases l on l.n = r.n order by f.g"
    );
    FORGET_GROUP_END = "delete from group_ends where m = (select m from task_groups where id = ?1) \
                        and g in (select g from facts where n = ?2)";
    FORGET_GROUP_RUN = "delete from group_runs where n = ?1";

    SEARCHED = "select g from search_state";
    /// What a processor tells on its way is not searched.
    FACTS_TO_SEARCH = "select g, n, seq from facts where g > ?1 and key is null order by g limit ?2";
    SEARCH_ON = "update search_state set g = ?2 where g = ?1";
    LEARN = "insert or replace into search (rowid, asked, answered) values (?1, ?2, ?3)";
    FORGET_WORDS = "delete from search where rowid = ?1";

    /// In no state but the last three does a run end. Those that were accepted later cannot have ended before.
    ENDED_BEFORE = "select id from runs r where created_at <= ?1 and status >= 4 and modified_at <= ?1 and not exists \
                    (select 1 from deliveries v where v.n = r.n and v.due_at is not null) order by created_at limit ?2";
    FORGET_FACTS = "delete from facts where n = ?1";
    FORGET_INPUT = "delete from inputs where n = ?1";
    FORGET_OUTPUT = "delete from outputs where n = ?1";
    FORGET_RUN = "delete from runs where n = ?1";

    KEEP_SOURCE = "insert into sources (hash, url, retrieved_at, body) values (?1, ?2, ?3, ?4) \
                   on conflict (hash) do nothing";
    SOURCE_BY_HASH = "select hash, url, retrieved_at, body from sources where hash = ?1";
    SOURCE_AT = "select hash, url, retrieved_at, body from sources where url = ?1 order by retrieved_at desc, hash desc limit 1";

    KEYS = "select digest, name, ending, owner, created_at, expires_at, revoked_at from keys order by k";
    ADD_KEY = "insert into keys (digest, name, ending, owner, created_at, expires_at, revoked_at) \
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    REVOKE_KEY = "update keys set revoked_at = ?2 where digest = ?1";
    COUNT_KEYS = "select count(*) from keys";
    FORGET_KEY = "delete from keys where digest = ?1";

    STORE_ID = "select value from meta where key = 'store_id'";
    SET_STORE_ID = "insert into meta (key, value) values ('store_id', ?1)";
    VOID_LEASES = "update leases set until = 0";

    /// Everything in the order in which it is written out.
    LAST_RUN = concat!("select ", last_run!());
    ALL_GROUPS = concat!("select ", group_columns!(), "from task_groups order by m");
    ALL_RUNS = concat!(
        "select ", run_columns!(), ", p.place, w.url, w.receiver, w.secret, w.form, i.body, o.body, s.body ", runs!(),
        "left join group_runs p on p.n = r.n left join webhooks w on w.n = r.n left join inputs i on i.n = r.n \
         left join outputs o on o.n = r.n left join secrets s on s.n = r.n order by r.n"
    );
    ALL_STEPS = "select n, key, body from journal order by n, s";
    ALL_FACTS = "select g, n, seq, at, what from facts order by g";
    ALL_DELIVERIES = concat!(
        "select ", delivery_columns!(), ", b.body from deliveries v join runs r on r.n = v.n \
         left join delivery_bodies b on b.d = v.d order by v.d"
    );
    ALL_SOURCES = "select hash, url, retrieved_at, body from sources order by hash";
    ALL_RECEIPTS = "select owner, route, key, retry, body, at, n, taken, answer from receipts order by id";

    /// What may have nothing in it where another store is taken in.
    IS_USED = "select exists (select 1 from runs) or exists (select 1 from task_groups) or exists (select 1 from keys) \
               or exists (select 1 from receipts) or exists (select 1 from sources)";
    BECOME = "insert or replace into meta (key, value) values ('store_id', ?1), ('seal', ?2), ('last_run', ?3), \
              ('last_fact', ?4)";
    FORGET_RECEIVERS = "delete from receivers";
    SEARCH_ANEW = "update search_state set g = 0";
    PUT_GROUP = "insert into task_groups (id, owner, created_at, metadata, modified_at, last_place, last_end, \
                 queued, running, asking, cancelling, completed, failed, cancelled) \
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0, 0, 0, 0)";
    PUT_RUN = run_to_add!("?23");
    PUT_STEP = "insert into journal (n, key, body) select n, ?2, ?3 from runs where n = ?1 and papers";
    PUT_GROUP_RUN = "insert into group_runs (m, place, n) select m, ?2, ?3 from task_groups where id = ?1";
    PUT_GROUP_END = "insert into group_ends (m, g, n) select t.m, ?1, r.n from runs r join task_groups t \
                     on t.id = r.group_id where r.n = ?2";
    PUT_DELIVERY = "insert into deliveries (n, seq, owner, receiver, owed_at, tries, since, due_at, settled_at, outcome) \
                    select r.n, ?2, r.owner, w.receiver, ?3, ?4, ?5, ?6, ?7, ?8 from runs r \
                    join webhooks w on w.n = r.n join facts f on f.n = r.n and f.seq = ?2 where r.id = ?1";
    PUT_RECEIPT = "insert into receipts (owner, route, key, retry, body, at, n, taken, answer) \
                   values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    PUT_RECEIVERS = "insert into receivers (owner, receiver, next_due) select owner, receiver, min(due_at) \
                     from deliveries where due_at is not null group by owner, receiver";
    WITHOUT_ITS_LOG = "select id from runs r where version <> (select count(*) from facts where n = r.n) \
                       or version <> (select max(seq) from facts where n = r.n) limit 1";
}
