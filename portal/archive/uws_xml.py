"""UWS 1.1 documents: the job, the job list, parameters and results, as XML bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from .jobstore import ERROR, Job, iso_time

UWS = "http://www.ivoa.net/xml/UWS/v1.0"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what no XML 1.0 file may hold
for prefix, space in (("uws", UWS), ("xlink", XLINK), ("xsi", XSI)):
    register_namespace(prefix, space)


def job_xml(job: Job, url: str) -> bytes:
    """The whole job; ``url`` is its own address."""
    root = Element(_uws("job"), {"version": "1.1"})
    _text(root, "jobId", job.id)
    _text(root, "runId", job.run_id, optional=True)
    _text(root, "ownerId", job.owner)
    _text(root, "phase", job.phase)
    _text(root, "quote", iso_time(job.quote))
    _text(root, "creationTime", iso_time(job.created))
    _text(root, "startTime", iso_time(job.started))
    _text(root, "endTime", iso_time(job.ended))
    _text(root, "executionDuration", f"{job.duration:.0f}")
    _text(root, "destruction", iso_time(job.destruction))
    _parameters(root, job)
    _results(root, job, url)
    if job.phase == ERROR:
        summary = SubElement(root, _uws("errorSummary"), {"type": "fatal", "hasDetail": "true"})
        _text(summary, "message", NOT_XML.sub("?", job.error))
    _progress(root, job)
    return _document(root)


def jobs_xml(jobs: Sequence[Job], url: str) -> bytes:
    """The list of jobs below ``url``."""
    root = Element(_uws("jobs"), {"version": "1.1"})
    for job in jobs:
        item = SubElement(root, _uws("jobref"), {"id": job.id, f"{{{XLINK}}}href": f"{url}/{job.id}"})
        _text(item, "phase", job.phase)
        _text(item, "runId", job.run_id, optional=True)
        _text(item, "ownerId", job.owner)
        _text(item, "creationTime", iso_time(job.created))
    return _document(root)


def parameters_xml(job: Job) -> bytes:
    """The parameters of a job."""
    root = Element("unused")
    return _document(_parameters(root, job))


def results_xml(job: Job, url: str) -> bytes:
    """The results of a job."""
    root = Element("unused")
    return _document(_results(root, job, url))


def _parameters(parent: Element, job: Job) -> Element:
    group = SubElement(parent, _uws("parameters"))
    for name, value in job.parameters:
        SubElement(group, _uws("parameter"), {"id": name}).text = NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    return group


def _results(parent: Element, job: Job, url: str) -> Element:
    group = SubElement(parent, _uws("results"))
    for item in job.results:
        SubElement(
            group,
            _uws("result"),
            {
                "id": item.name,
                "mime-type": item.media_type,
                "size": str(item.size),
                f"{{{XLINK}}}type": "simple",
                f"{{{XLINK}}}href": f"{url}/results/{item.name}",
            },
        )
    return group


def _progress(parent: Element, job: Job) -> None:
    """How far the job is, in the element names that Rubin's TAP uses inside jobInfo.

    Items are rows of the tables that it reads; the message tells the rows of its result.
    """
    found = [item for item in job.results if item.rows >= 0]
    total = int(job.notes.get("total", 0))
    if job.progress < 0 and not found:
        return
    progress = SubElement(SubElement(parent, _uws("jobInfo")), "progress")
    if job.progress >= 0:
        SubElement(progress, "percentComplete").text = f"{job.progress:.0f}"
    if total and job.progress >= 0:
        SubElement(progress, "itemsProcessed").text = f"{total * job.progress / 100:.0f}"
        SubElement(progress, "totalItems").text = str(total)
    elif found:
        SubElement(progress, "itemsProcessed").text = str(found[0].rows)
    if found:
        cut = ", cut at MAXREC: there are more" if found[0].overflow else ""
        SubElement(progress, "message").text = f"{found[0].rows} rows in the result{cut}"


def _uws(name: str) -> str:
    return f"{{{UWS}}}{name}"


def _text(parent: Element, name: str, value: str, optional: bool = False) -> None:
    """An element with text; an empty one is marked nil, as the schema demands, or left out when it may be."""
    if not value and optional:
        return
    item = SubElement(parent, _uws(name))
    if value:
        item.text = value
    else:
        item.set(f"{{{XSI}}}nil", "true")


def _document(root: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")
