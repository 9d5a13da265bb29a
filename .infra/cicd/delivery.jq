# How well a pipeline delivers to an environment: the definitions, as functions without a clock and without AWS. `measure` feeds them.
#
# A run is an execution that came to its end for the environment: {id, revision, succeeded, started, ended, deployed, commits}, times in
# seconds. succeeded: all actions of the environment's stage did, whatever came after it. deployed: it succeeded, or failed in that stage, so that
# its version had got to the environment. commits: when those were made that a run which succeeded was the first to deliver.

def mean: if length == 0 then null else add / length end;

# From the answer of ListPipelineExecutions, oldest first, and what the actions of the environment's stage did, newest first: {id, action, status,
# ended}. What was stopped, superseded or still runs says nothing unless it has passed that stage, and a rollback is no delivery. The execution that
# asks has not ended for CodePipeline: it counts with its outcome, as of now.
def runs($execution; $outcome; $now; $actions):
  # The AWS CLI writes a number in version 1, and a text in version 2.
  def seconds: if type == "number" then . else sub("\\.[0-9]+"; "") | sub("\\+00:00$"; "Z") | fromdate end;
  [
    .pipelineExecutionSummaries[]
    | select((.executionType // "STANDARD") == "STANDARD")
    | .pipelineExecutionId as $id
    # An action that was retried counts with its last attempt.
    | (reduce ($actions[] | select(.id == $id)) as $action ({}; .[$action.action] //= $action) | [.[]]) as $stage
    | ($stage | all(.status == "Succeeded") and any(.action | startswith("Verify"))) as $passed
    | if $id == $execution then .status = $outcome | .ended = $now
      elif $passed then .status = "Succeeded" | .ended = ($stage | map(.ended | seconds) | max)
      else .ended = (.lastUpdateTime | seconds) end
    | select(.status == "Succeeded" or .status == "Failed")
    | {
        id: $id, revision: (.sourceRevisions // [])[0].revisionId, succeeded: (.status == "Succeeded"),
        deployed: ($id == $execution or .status == "Succeeded" or ($stage | any(.status == "Failed"))),
        started: (.startTime | seconds), ended
      }
  ]
  | sort_by(.started);

# Times from the first run of a colour to the first run of the other one, each as {seconds, ended}.
def spells($succeeded):
  reduce .[] as $run (
    {open: null, found: []};
    if $run.succeeded == $succeeded then .open = (.open // $run.started)
    elif .open then .found += [{seconds: ($run.started - .open), ended: $run.ended}] | .open = null
    else . end
  )
  | .found;

# The metrics of the last days: one without a value is left out.
def metrics($now; $days):
  ($now - $days * 86400) as $since
  | map(select(.ended >= $since)) as $recent
  | ($recent | map(select(.succeeded))) as $delivered
  | ($recent | map(select(.deployed))) as $deployed
  | [
      {MetricName: "DeployFrequency", Unit: "None", Value: (($delivered | length) / $days)},
      {MetricName: "LeadTime", Unit: "Seconds", Value: ([$delivered[] | .ended as $ended | .commits[] | $ended - .] | mean)},
      {MetricName: "MeanTimeBetweenFailures", Unit: "Seconds", Value: ([spells(true)[] | select(.ended >= $since).seconds] | mean)},
      {MetricName: "MeanTimeToRecover", Unit: "Seconds", Value: ([spells(false)[] | select(.ended >= $since).seconds] | mean)},
      {MetricName: "ChangeFailureRate", Unit: "Percent", Value: ([$deployed[] | if .succeeded then 0 else 100 end] | mean)}
    ]
  | map(select(.Value != null));
