#!/bin/sh
# Runs gatewayd and starts it again when it dies. The supervisor lives inside the container because a restarted
# container loses every interface but its first, and with it the lab.
#
#   GATEWAYD_CONFIG        the configuration file; default /etc/gatewayd/gateway.yaml
#   WAIT_FOR_ADDRESS_ON    interfaces that must have an address first; they arrive after the container has started
#
# A configuration at /opt/lab/gateway.yaml is copied to GATEWAYD_CONFIG, so that changing it there and reloading leaves
# the lab's own files alone. With arguments, those are run instead of gatewayd.
[ $# -gt 0 ] && exec "$@"

config=${GATEWAYD_CONFIG:-/etc/gatewayd/gateway.yaml}
pidfile=/run/gatewayd/gatewayd.pid
mkdir -p /run/gatewayd "$(dirname "$config")"
[ -f /opt/lab/gateway.yaml ] && cp /opt/lab/gateway.yaml "$config"

for interface in $WAIT_FOR_ADDRESS_ON; do
  left=600
  until [ -n "$(ip -4 -o addr show dev "$interface" scope global 2>/dev/null)" ]; do
    left=$((left - 1))
    [ $left -gt 0 ] || { echo "entrypoint: $interface has no address after 60 s" >&2; exit 1; }
    sleep 0.1
  done
done

stop() {
  trap - TERM INT
  kill -TERM "$child" 2>/dev/null
  wait "$child"
  exit 0
}
trap stop TERM INT

# A daemon that dies at once is started again less and less often: 0 s, 1 s, 2 s, 4 s, then every 8 s.
pause=0
while :; do
  began=$(date +%s)
  gatewayd run "$config" &
  child=$!
  echo "$child" >"$pidfile"
  wait "$child"
  echo "entrypoint: gatewayd ended with status $?" >&2
  if [ $(($(date +%s) - began)) -ge 5 ]; then
    pause=0
  else
    sleep "$pause" &
    wait $!
    pause=$((pause == 0 ? 1 : pause >= 8 ? 8 : pause * 2))
  fi
done
