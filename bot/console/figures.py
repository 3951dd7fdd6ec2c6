"""The service in figures: for the manager, who sees no patient here."""

import csv
import io

from starlette.responses import Response

from bot.console.pages import Needs, Page
from bot.console.visit import Visit


def show(visit: Visit) -> Response:
    overviews = visit.parts.overviews
    return visit.page(
        "overview.html", overview=overviews.of(visit.session, visit.service_id, visit.now),
        name=overviews.name(visit.session, visit.service_id), signs=overviews.signs(visit.session, visit.now),
        outcomes=visit.parts.outcomes, zone=visit.zone,
    )  # fmt: skip


def as_csv(visit: Visit) -> Response:
    overviews = visit.parts.overviews
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("figure", "of", "value"))
    writer.writerows(overviews.rows(overviews.of(visit.session, visit.service_id, visit.now)))
    name = f"back-coach-{visit.now:%Y-%m-%d}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


PAGES = (
    Page("GET", "/overview", show, Needs.FIGURES),
    Page("GET", "/overview.csv", as_csv, Needs.FIGURES),
)
