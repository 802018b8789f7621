//! Counters in Redis Cluster (or one Redis server), by fred.
//!
//! A slot is a hash of counters and a sorted set of what was applied to them, with the time: both in one of Redis'
//! own slots, changed by one script.

mod merge;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contests::{Entry, standings::Counts};
use fred::{
    prelude::{Client, HashesInterface, KeysInterface, LuaInterface, SortedSetsInterface},
    types::Value,
};
use futures::future::{BoxFuture, try_join_all};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::merge::Group;
use super::{Applied, Member, Slot, Tallies, VERSION, counts, fields};
use crate::{
    Error,
    measure::measured,
    redis::{ConnectError, connect, incarnation::incarnation},
};

/// Bound on one operation, whatever the client does meanwhile.
const DEADLINE: Duration = Duration::from_secs(5);
/// Arguments that a script takes at most: beyond, it would hold up its node, and Lua's stack ends at some thousands.
const ARGUMENTS: usize = 1_000;
/// Fields of one part of an entry, beside the deadline, the number of members, and one member.
const FIELDS: usize = (ARGUMENTS - 3) / 2;

/// Applies entries of one slot, or one part of an entry: all, or none where one is in already. Keys: counters, memory.
/// Arguments: deadline in milliseconds, number of members, the members, then field and amount by turns. Answers 0; 1
/// and for each member since how many milliseconds it is in, or -1; or 2 where it is too late. A script that fails
/// half-way is not undone: it reads and checks first, and writes last, in as few commands as it can, for each is
/// replicated. Numbers in Lua are exact up to 2^53:
/// there a counter stays.
const APPLY: &str = "
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local count = tonumber(ARGV[2])
local since, known = {1}, false
for i = 1, count do
  local at = redis.call('ZSCORE', KEYS[2], ARGV[2 + i])
  since[i + 1] = at and math.max(0, now - tonumber(at)) or -1
  known = known or at
end
if known then return since end
if now > tonumber(ARGV[1]) then return {2} end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return redis.error_reply('the key of counters holds a ' .. kind) end
if #ARGV > 1000 or (#ARGV - count) % 2 ~= 0 then return redis.error_reply('wrong number of arguments') end
local names, sums, members = {}, {}, {}
for i = count + 3, #ARGV, 2 do names[#names + 1] = ARGV[i] end
local there = redis.call('HMGET', KEYS[1], unpack(names))
for i, name in ipairs(names) do
  local amount, value = tonumber(ARGV[count + 2 + 2 * i]), tonumber(there[i] or '0')
  if not amount or not value then return redis.error_reply('the counter or the amount is no number') end
  local sum = math.max(-2 ^ 53, math.min(2 ^ 53, value + amount))
  sums[2 * i - 1], sums[2 * i] = name, string.format('%.0f', sum)
end
for i = 1, count do members[2 * i - 1], members[2 * i] = string.format('%.0f', now), ARGV[2 + i] end
redis.call('HSET', KEYS[1], unpack(sums))
redis.call('ZADD', KEYS[2], unpack(members))
return {0}
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

    /// A group in one call. Where some of it is in already, the others one by one: nothing of the group was applied.
    async fn apply_group(&self, generation: u32, group: Group<'_>, until: i64) -> Result<Vec<(usize, Applied)>, Error> {
        let answers = if group.members.is_empty() {
            vec![None; group.entries.len()]
        } else {
            let fields: Vec<_> = group.fields.into_iter().collect();
            self.call(&slot(generation, group.entries[0].1), &group.members, &fields, until).await?
        };
        let apply = group.entries.iter().zip(answers).map(|(&(at, entry), answer)| async move {
            Ok::<_, Error>((
                at,
                match answer {
                    Some(applied) => applied,
                    None => self.apply_one(generation, entry, until).await?,
                },
            ))
        });
        try_join_all(apply).await
    }

    async fn apply_one(&self, generation: u32, entry: &Entry, until: i64) -> Result<Applied, Error> {
        let slot = slot(generation, entry);
        let all: Vec<_> = fields(entry).collect();
        let mut whole = Applied::Already(Duration::MAX);
        // The version grows with the last part, which follows at once, or when the entry comes again.
        for (part, fields) in all.chunks(FIELDS).enumerate() {
            let member = Member { batch: entry.batch, part: u16::try_from(part).unwrap_or(u16::MAX) };
            let applied = self.call(&slot, &[member], fields, until).await?[0].unwrap_or(Applied::TooLate);
            whole = match (whole, applied) {
                (_, Applied::TooLate) => return Ok(Applied::TooLate),
                (Applied::Already(one), Applied::Already(other)) => Applied::Already(one.min(other)),
                _ => Applied::Now,
            };
        }
        Ok(whole)
    }

    /// One call of the script; what became of each member, `None`: nothing yet, for another of them is in already.
    async fn call(
        &self,
        slot: &Slot,
        members: &[Member],
        fields: &[(String, i64)],
        until: i64,
    ) -> Result<Vec<Option<Applied>>, Error> {
        let mut arguments: Vec<Value> = Vec::with_capacity(2 + members.len() + 2 * fields.len());
        arguments.extend([until.into(), Value::Integer(members.len().try_into().unwrap_or(i64::MAX))]);
        arguments.extend(members.iter().copied().map(bytes));
        arguments.extend(fields.iter().flat_map(|(name, amount)| [name.as_str().into(), (*amount).into()]));
        let keys = vec![counters(slot), memory(slot)];
        let answer = match self.client.evalsha(self.hash.as_str(), keys.clone(), arguments.clone()).await {
            // A promoted replica does not know the script: then the text is sent.
            Err(error) if error.details().starts_with("NOSCRIPT") => self.client.eval(APPLY, keys, arguments).await,
            answer => answer,
        };
        let answer: Vec<i64> = answer?;
        Ok(match answer.as_slice() {
            [0] => vec![Some(Applied::Now); members.len()],
            [1, since @ ..] if since.len() == members.len() => {
                let already = |since: &i64| u64::try_from(*since).ok().map(Duration::from_millis).map(Applied::Already);
                since.iter().map(already).collect()
            }
            [2] => vec![Some(Applied::TooLate); members.len()],
            _ => return Err(Error("the script answered what it never does".to_owned())),
        })
    }
}

fn slot(generation: u32, entry: &Entry) -> Slot {
    Slot { contest: entry.contest.clone(), generation, slot: entry.slot }
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
    /// All on their way at once. The entries of a slot are one script call, for many add to the same counters; a large
    /// entry is some of its own.
    async fn apply(&self, generation: u32, entries: &[Entry], until: Timestamp) -> Result<Vec<Applied>, Error> {
        let until = until.as_millisecond();
        let applying = merge::groups(entries).into_iter().map(|group| self.apply_group(generation, group, until));
        let mut applied = self.run("tally_apply", try_join_all(applying)).await?.concat();
        applied.sort_unstable_by_key(|(at, _)| *at);
        Ok(applied.into_iter().map(|(_, applied)| applied).collect())
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

    async fn remembered(&self, slot: &Slot, before: Timestamp, limit: usize) -> Result<Vec<Member>, Error> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds fit for 285,000 years")]
        let before = before.as_millisecond() as f64;
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
        self.run("tally_incarnation", incarnation(&self.client)).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.run("tally_ready", async { incarnation(&self.client).await.map(drop) }).await
    }
}
