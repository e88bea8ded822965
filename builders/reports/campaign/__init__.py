"""The report on a campaign: one page with its funnel, shortlist, figures, and what it rests on."""
