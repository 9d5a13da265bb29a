# Is one box worse than the others? From the answer of GetMetricData, in minutes: requests, errors, p90 and p99 of the one box and of the
# others. Its answer has what was found, and in what it is worse:
#   errors     at least 3 answers with a 5xx status, and more than one in a hundred more than the others have
#   p90, p99   more than twice the others', and a quarter of a second more: the median of full minutes in which both had 100 requests. With
#              fewer, the slowest hundredth is one request, which says nothing. Where one client in fifty is slow to send, p99 is the
#              clients', with every version; p90 still is the service's

def seconds: if type == "number" then . else sub("\\.[0-9]+"; "") | sub("\\+00:00$"; "Z") | fromdate end; # AWS CLI 1 and 2

def minutes($id): [.MetricDataResults[] | select(.Id == $id) | [.Timestamps, .Values] | transpose[] | {key: (.[0] | seconds | tostring), value: .[1]}] | from_entries;

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;

def percent($part; $of): if $of == 0 then 0 else 100 * $part / $of end;

def rounded: . * 100 | round / 100;

def sum($id): [minutes($id)[]] | add // 0;

minutes("one_box_requests") as $requests | minutes("others_requests") as $others_requests
| [$requests | keys[] | select((tonumber + 60) <= $now and ([$requests[.], $others_requests[.]] | map(. // 0) | min >= 100))] as $compared
| def typical($id): minutes($id) as $values | [$values[$compared[]] | numbers] | median;
  def latency($name): {name: $name, one_box: typical("one_box_" + $name), others: typical("others_" + $name)} | select(.one_box and .others);
  [latency("p90", "p99")] as $latencies
| {requests: sum("one_box_requests"), errors: sum("one_box_errors")} as $one_box
| {requests: sum("others_requests"), errors: sum("others_errors")} as $others
| percent($one_box.errors; $one_box.requests) as $percent | percent($others.errors; $others.requests) as $others_percent
| {
    found: (["\($one_box.errors) of \($one_box.requests) requests failed, \($others.errors) of the others' \($others.requests)"]
      + [$latencies[] | "\(.name) \(.one_box | rounded) s, of the others \(.others | rounded) s"]
      + if $latencies == [] then ["too few requests in a minute to compare their times"] else [] end | join("; ")),
    worse: [
      if $one_box.errors >= 3 and $percent > $others_percent + 1
      then "\($one_box.errors) of \($one_box.requests) requests failed, \($percent | rounded) %, and \($others_percent | rounded) % of the others'" else empty end,
      ($latencies[] | select(.one_box > 2 * .others and .one_box > .others + 0.25)
        | "\(.name) is \(.one_box | rounded) s, and \(.others | rounded) s of the others")
    ]
  }
