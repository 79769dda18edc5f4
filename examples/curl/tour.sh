#!/usr/bin/env bash
# The tour of README.md as a script: runs the README's own lines, block by
# block, against a running server, so that what the README says is what works.
#
#   URL=http://127.0.0.1:8080 KEY=sk_… PUBLISHER_KEY=sk_… WEBHOOK_SECRET=whsec_… examples/curl/tour.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${URL:?}" "${KEY:?}" "${PUBLISHER_KEY:?}" "${WEBHOOK_SECRET:?}"
export URL KEY PUBLISHER_KEY WEBHOOK_SECRET

# The `sh` blocks between the two markers.
lines=$(awk '
    /^<!-- tour ends -->/   { tour = 0 }
    tour && /^```/          { block = ($0 == "```sh"); next }
    tour && block           { print }
    /^<!-- tour begins -->/ { tour = 1 }
' README.md)
[ -n "$lines" ] || { echo "tour: README.md has no tour between its markers" >&2; exit 1; }

eval "$lines"
