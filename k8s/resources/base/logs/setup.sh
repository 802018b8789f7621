#!/bin/sh
# Puts what the logs' streams are made of into Elasticsearch and what is looked at into Kibana. Says the same each time.
set -eu
ask() { curl --silent --show-error --fail-with-body --user "elastic:$PASSWORD" "$@"; echo; }
put() { ask --cacert /etc/logs-es/ca.crt --header 'content-type: application/json' --request PUT --data-binary "@/setup/$2" "$ELASTICSEARCH/$1"; }
# The policy first: the template names it.
put _ilm/policy/marea-logs retention.json
put _index_template/marea-logs template.json
ask --cacert /etc/logs-kb/ca.crt --header 'kbn-xsrf: marea' --form file=@/setup/kibana.ndjson \
  "$KIBANA/api/saved_objects/_import?overwrite=true"
