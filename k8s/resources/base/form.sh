#!/bin/sh
# Makes one cluster of six nodes: three masters, a replica each. Does nothing where it stands already; where its nodes
# do not find each other, tells each of the others. `form.sh meet` does that only, and never makes a cluster.
set -eu
export VALKEYCLI_AUTH="$PASSWORD" REDISCLI_AUTH="$PASSWORD"
if valkey-cli -h redis-0.redis cluster info | grep -q '^cluster_slots_assigned:16384'; then
  if valkey-cli -h redis-0.redis cluster info | grep -q '^cluster_state:ok'; then
    echo 'the cluster stands'
    exit 0
  fi
  # Where all pods got other addresses at once, nobody finds anybody: each is told of the others again.
  for i in 1 2 3 4 5; do
    address=$(getent hosts "redis-$i.redis" | cut -d' ' -f1)
    valkey-cli -h redis-0.redis cluster meet "${address:?redis-$i has no address yet}" 6379
  done
  for try in $(seq 60); do
    if valkey-cli -h redis-0.redis cluster info | grep -q '^cluster_state:ok'; then
      echo "the nodes found each other again, at try $try"
      exit 0
    fi
    sleep 1
  done
  echo 'the nodes do not find each other' >&2
  exit 1
fi
if [ "${1:-}" = meet ]; then
  echo 'there is no cluster yet: the Job redis-form makes it'
  exit 0
fi
nodes=
for i in 0 1 2 3 4 5; do
  # Nodes meet by address; each tells its own when it changes.
  address=$(getent hosts "redis-$i.redis" | cut -d' ' -f1)
  nodes="$nodes ${address:?redis-$i has no address yet}:6379"
done
# shellcheck disable=SC2086 # one word a node
valkey-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
