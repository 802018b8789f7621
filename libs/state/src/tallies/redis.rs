//! Counters in Redis Cluster (or one Redis server), by fred.
//!
//! A slot is a hash of counters and a sorted set of what was applied to them, with the time: both in one of Redis'
//! own slots, changed by one script.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contests::{Entry, standings::Counts};
use fred::{
    prelude::{
        Client, ClientLike, ClusterInterface, HashesInterface, KeysInterface, LuaInterface, SortedSetsInterface,
    },
    types::{InfoKind, Value},
};
use futures::future::{BoxFuture, try_join_all};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Applied, Member, Slot, Tallies, VERSION, counts, fields};
use crate::{
    Error,
    measure::measured,
    redis::{ConnectError, connect},
};

/// Bound on one operation, whatever the client does meanwhile.
const DEADLINE: Duration = Duration::from_secs(5);
/// Fields that one call adds to: a script takes at most 1,000 arguments, two of them the member and the deadline.
const FIELDS: usize = 490;

/// Applies one part of an entry. Keys: counters, memory. Arguments: member, deadline in milliseconds, then field and
/// amount by turns. A script that fails half-way is not undone: it reads and checks first, and writes last.
const APPLY: &str = "
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local since = redis.call('ZSCORE', KEYS[2], ARGV[1])
if since then return {1, math.max(0, now - tonumber(since))} end
if now > tonumber(ARGV[2]) then return {2, 0} end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return redis.error_reply('the key of counters holds a ' .. kind) end
if #ARGV > 1000 or #ARGV % 2 ~= 0 then return redis.error_reply('wrong number of arguments') end
local names = {}
for i = 3, #ARGV, 2 do names[#names + 1] = ARGV[i] end
local there = redis.call('HMGET', KEYS[1], unpack(names))
for i = 1, #names do
  local amount, value = tonumber(ARGV[2 * i + 2]), tonumber(there[i] or '0')
  if not amount or not value or math.abs(amount) + math.abs(value) > 9e18 then
    return redis.error_reply('the counter or the amount is no whole number of 64 bits')
  end
end
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[1])
return {0, 0}
";

/// Counters in Redis.
pub struct RedisTallies {
    client: Client,
    /// The script's SHA-1, as Redis computed it.
    hash: String,
    connection: JoinHandle<Result<(), fred::error::Error>>,
}

impl Drop for RedisTallies {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl RedisTallies {
    /// Connects as [`RedisStates::connect`](crate::redis::RedisStates::connect) does.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        let (client, connection) = connect::open(url).await?;
        // From here on the connection's task ends with this.
        let mut tallies = Self { client, hash: String::new(), connection };
        tallies.hash = tallies.client.script_load(APPLY).await?;
        connect::check_eviction(&tallies.client).await?;
        Ok(tallies)
    }

    /// Ends an operation in time and measures it. Boxed, for fred's futures are large.
    fn run<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        Box::pin(async move {
            let late = |_| Error(format!("no answer within {} s", DEADLINE.as_secs()));
            measured(operation, async { tokio::time::timeout(DEADLINE, work).await.map_err(late)? }).await
        })
    }

    async fn apply_one(&self, generation: u32, entry: &Entry, until: i64) -> Result<Applied, Error> {
        let slot = Slot { contest: entry.contest.clone(), generation, slot: entry.slot };
        let all: Vec<_> = fields(entry).collect();
        let mut whole = Applied::Already(Duration::MAX);
        // The version grows with the first part; the last parts follow at once, or when the entry comes again.
        for (part, fields) in all.chunks(FIELDS).enumerate() {
            let member = Member { batch: entry.batch, part: u16::try_from(part).unwrap_or(u16::MAX) };
            whole = match (whole, self.apply_part(&slot, member, fields, until).await?) {
                (_, Applied::TooLate) => return Ok(Applied::TooLate),
                (Applied::Already(one), Applied::Already(other)) => Applied::Already(one.min(other)),
                _ => Applied::Now,
            };
        }
        Ok(whole)
    }

    async fn apply_part(
        &self,
        slot: &Slot,
        member: Member,
        fields: &[(String, i64)],
        until: i64,
    ) -> Result<Applied, Error> {
        let mut arguments: Vec<Value> = vec![bytes(member), until.into()];
        arguments.extend(fields.iter().flat_map(|(name, amount)| [name.as_str().into(), (*amount).into()]));
        let keys = vec![counters(slot), memory(slot)];
        let answer = match self.client.evalsha(self.hash.as_str(), keys.clone(), arguments.clone()).await {
            // A promoted replica does not know the script: then the text is sent.
            Err(error) if error.details().starts_with("NOSCRIPT") => self.client.eval(APPLY, keys, arguments).await,
            answer => answer,
        };
        let (code, since): (i64, u64) = answer?;
        Ok(match code {
            0 => Applied::Now,
            1 => Applied::Already(Duration::from_millis(since)),
            _ => Applied::TooLate,
        })
    }

    /// The run ids of all masters, by node.
    async fn run_ids(&self) -> Result<String, Error> {
        let Some(cluster) = self.client.cached_cluster_state().filter(|state| state.len() > 0) else {
            return Ok(run_id(&self.client.info::<String>(Some(InfoKind::Server)).await?).to_owned());
        };
        let asked = cluster.unique_primary_nodes().into_iter().map(|node| async move {
            let info: String = self.client.with_cluster_node(&node).info(Some(InfoKind::Server)).await?;
            Ok::<_, Error>(format!("{node} {}", run_id(&info)))
        });
        let mut ids = try_join_all(asked).await?;
        ids.sort_unstable();
        Ok(ids.join(", "))
    }
}

fn run_id(info: &str) -> &str {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().trim()
}

fn counters(slot: &Slot) -> String {
    format!("{{c:{}:{}}}:g{}:n", slot.contest, slot.slot, slot.generation)
}

fn memory(slot: &Slot) -> String {
    format!("{{c:{}:{}}}:g{}:b", slot.contest, slot.slot, slot.generation)
}

fn bytes(member: Member) -> Value {
    let mut bytes = member.batch.as_bytes().to_vec();
    bytes.extend_from_slice(&member.part.to_be_bytes());
    Value::Bytes(bytes.into())
}

fn member(bytes: &[u8]) -> Option<Member> {
    let (batch, part) = bytes.split_at_checked(16)?;
    Some(Member { batch: Uuid::from_slice(batch).ok()?, part: u16::from_be_bytes(part.try_into().ok()?) })
}

#[async_trait]
impl Tallies for RedisTallies {
    /// All on their way at once; each is one script call, or some where it is large.
    async fn apply(&self, generation: u32, entries: &[Entry], until: Timestamp) -> Result<Vec<Applied>, Error> {
        let until = until.as_millisecond();
        let applying = entries.iter().map(|entry| self.apply_one(generation, entry, until));
        self.run("tally_apply", try_join_all(applying)).await
    }

    async fn version(&self, slot: &Slot) -> Result<u64, Error> {
        let key = counters(slot);
        let read = async { Ok(self.client.hget::<Option<u64>, _, _>(key, VERSION).await?.unwrap_or(0)) };
        self.run("tally_version", read).await
    }

    async fn counts(&self, slot: &Slot) -> Result<Counts, Error> {
        let key = counters(slot);
        let read = async { Ok(self.client.hgetall::<HashMap<String, i64>, _>(key).await?) };
        Ok(counts(self.run("tally_counts", read).await?.into_iter()))
    }

    async fn remembered(&self, slot: &Slot, older: Duration, limit: usize) -> Result<Vec<Member>, Error> {
        let age = i64::try_from(older.as_millis()).unwrap_or(i64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit for 285,000 years")]
        let before = Timestamp::now().as_millisecond().saturating_sub(age) as f64;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = async {
            let key = memory(slot);
            let found = self.client.zrangebyscore(key, f64::NEG_INFINITY, before, false, Some((0, limit)));
            let found: Vec<bytes::Bytes> = found.await?;
            Ok(found.iter().filter_map(|bytes| member(bytes)).collect())
        };
        self.run("tally_remembered", read).await
    }

    async fn forget(&self, slot: &Slot, members: &[Member]) -> Result<(), Error> {
        let forget = async {
            for chunk in members.chunks(500) {
                let chunk: Vec<Value> = chunk.iter().copied().map(bytes).collect();
                self.client.zrem::<(), _, _>(memory(slot), chunk).await?;
            }
            Ok(())
        };
        self.run("tally_forget", forget).await
    }

    async fn drop_slot(&self, slot: &Slot) -> Result<(), Error> {
        let keys = vec![counters(slot), memory(slot)];
        self.run("tally_drop", async { Ok(self.client.unlink::<(), _>(keys).await?) }).await
    }

    async fn incarnation(&self) -> Result<String, Error> {
        self.run("tally_incarnation", self.run_ids()).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.run("tally_ready", async { self.run_ids().await.map(drop) }).await
    }
}
