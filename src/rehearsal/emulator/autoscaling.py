"""Application Auto Scaling has no tags in moto, and answers HTTP 500: the provider tries 25 times."""

import json

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse as Response


def _tags(self):
    return self.applicationautoscaling_backend.__dict__.setdefault("tags_by_arn", {})


def _list_tags_for_resource(self):
    return json.dumps({"Tags": _tags(self).get(self._get_param("ResourceARN"), {})})


def _tag_resource(self):
    _tags(self).setdefault(self._get_param("ResourceARN"), {}).update(self._get_param("Tags") or {})
    return "{}"


def _untag_resource(self):
    for key in self._get_param("TagKeys") or []:
        _tags(self).get(self._get_param("ResourceARN"), {}).pop(key, None)
    return "{}"


def apply():
    register = Response.register_scalable_target

    def register_with_tags(self):
        answer = register(self)
        if self._get_param("Tags"):
            _tags(self)[json.loads(answer)["ScalableTargetARN"]] = self._get_param("Tags")
        return answer

    Response.register_scalable_target = register_with_tags
    Response.list_tags_for_resource = _list_tags_for_resource
    Response.tag_resource = _tag_resource
    Response.untag_resource = _untag_resource
