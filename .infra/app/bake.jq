# Is one box worse than the others? From the answer of GetMetricData, in minutes: requests, errors and the p99 of the one box and of the
# others. Its answer has what was found, and in what it is worse:
#   errors   at least 3 answers with a 5xx status, and more than one in a hundred more than the others have
#   p99      more than twice the others', and a quarter of a second more: the median of full minutes in which both had 100 requests. With
#            fewer, the slowest hundredth is one request, which says nothing

def seconds: if type == "number" then . else sub("\\.[0-9]+"; "") | sub("\\+00:00$"; "Z") | fromdate end; # AWS CLI 1 and 2

def minutes($id): [.MetricDataResults[] | select(.Id == $id) | [.Timestamps, .Values] | transpose[] | {key: (.[0] | seconds | tostring), value: .[1]}] | from_entries;

def median: sort | if length == 0 then null else .[(length - 1) / 2 | floor] end;

def percent($part; $of): if $of == 0 then 0 else 100 * $part / $of end;

def rounded: . * 100 | round / 100;

minutes("one_box_requests") as $requests | minutes("others_requests") as $others_requests
| minutes("one_box_p99") as $p99 | minutes("others_p99") as $others_p99
| [$p99 | keys[] | select((tonumber + 60) <= $now and ([$requests[.], $others_requests[.]] | map(. // 0) | min >= 100))] as $compared
| {
    requests: ([$requests[]] | add // 0), errors: ([minutes("one_box_errors")[]] | add // 0),
    others_requests: ([$others_requests[]] | add // 0), others_errors: ([minutes("others_errors")[]] | add // 0),
    p99: ([$p99[$compared[]]] | median), others_p99: ([$others_p99[$compared[]]] | median)
  }
| percent(.errors; .requests) as $percent | percent(.others_errors; .others_requests) as $others_percent
| {
    found: ("\(.errors) of \(.requests) requests failed, \(.others_errors) of the others' \(.others_requests); "
      + if .p99 then "p99 \(.p99 | rounded) s, of the others \(.others_p99 | rounded) s" else "too few requests in a minute to compare p99" end),
    worse: [
      if .errors >= 3 and $percent > $others_percent + 1
      then "\(.errors) of \(.requests) requests failed, \($percent | rounded) %, and \($others_percent | rounded) % of the others'" else empty end,
      if .p99 and .p99 > 2 * .others_p99 and .p99 > .others_p99 + 0.25
      then "p99 is \(.p99 | rounded) s, and \(.others_p99 | rounded) s of the others" else empty end
    ]
  }
