"""The first day of Tet by astronomy: new moons and the sun's longitude. An oracle that shares nothing with the product.

After Hồ Ngọc Đức, "Computing the Vietnamese lunar calendar"; formulas of Meeus, Astronomical Algorithms, 1998.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import floor, pi, radians, sin

ZONE_HOURS = 7
UNIX_JULIAN_DAY = 2440588  # of 1970-01-01
FIRST_NEW_MOON = 2415021.076998695
MONTH_DAYS = 29.530588853


def new_moon(k: int) -> int:
    """Return the Julian day, in Vietnam, of the k-th new moon after that of 1 January 1900."""
    t = k / 1236.85
    t2, t3 = t * t, t * t * t
    day = 2415020.75933 + 29.53058868 * k + 0.0001178 * t2 - 0.000000155 * t3
    day += 0.00033 * sin(radians(166.56 + 132.87 * t - 0.009173 * t2))
    sun = radians(359.2242 + 29.10535608 * k - 0.0000333 * t2 - 0.00000347 * t3)
    moon = radians(306.0253 + 385.81691806 * k + 0.0107306 * t2 + 0.00001236 * t3)
    node = radians(21.2964 + 390.67050646 * k - 0.0016528 * t2 - 0.00000239 * t3)
    day += (0.1734 - 0.000393 * t) * sin(sun) + 0.0021 * sin(2 * sun) - 0.4068 * sin(moon) + 0.0161 * sin(2 * moon)
    day += -0.0004 * sin(3 * moon) + 0.0104 * sin(2 * node) - 0.0051 * sin(sun + moon) - 0.0074 * sin(sun - moon)
    day += 0.0004 * sin(2 * node + sun) - 0.0004 * sin(2 * node - sun) - 0.0006 * sin(2 * node + moon)
    day += 0.0010 * sin(2 * node - moon) + 0.0005 * sin(2 * moon + sun)
    delta = -0.000278 + 0.000265 * t + 0.000262 * t2  # ephemeris time less universal time
    return floor(day - delta + 0.5 + ZONE_HOURS / 24)


def sun_sector(julian_day: int) -> int:
    """Return in which twelfth of the ecliptic the sun is at the beginning of that day in Vietnam, 0 to 11."""
    t = (julian_day - 0.5 - ZONE_HOURS / 24 - 2451545.0) / 36525
    t2 = t * t
    anomaly = radians(357.52910 + 35999.05030 * t - 0.0001559 * t2 - 0.00000048 * t * t2)
    longitude = radians(280.46645 + 36000.76983 * t + 0.0003032 * t2)
    longitude += radians((1.914600 - 0.004817 * t - 0.000014 * t2) * sin(anomaly))
    longitude += radians((0.019993 - 0.000101 * t) * sin(2 * anomaly) + 0.000290 * sin(3 * anomaly))
    return floor((longitude % (2 * pi)) / pi * 6)


def month_11(year: int) -> int:
    """Return the Julian day on which the lunar month begins that has the winter solstice of `year`."""
    last = (date(year, 12, 31) - date(1970, 1, 1)).days + UNIX_JULIAN_DAY
    k = floor((last - 2415021) / MONTH_DAYS)
    begin = new_moon(k)
    return new_moon(k - 1) if sun_sector(begin) >= 9 else begin


def tet(year: int) -> date:
    """Return the first day of the lunar year that begins in `year`."""
    begin, end = month_11(year - 1), month_11(year)
    k = floor((begin - FIRST_NEW_MOON) / MONTH_DAYS + 0.5)
    months = 2  # after the 11th and the 12th comes the first, unless one of them is doubled
    if round((end - begin) / MONTH_DAYS) == 13:
        leap = next(n for n in range(1, 14) if sun_sector(new_moon(k + n)) == sun_sector(new_moon(k + n + 1)))
        months += leap <= 2
    return date(1970, 1, 1) + timedelta(days=new_moon(k + months) - UNIX_JULIAN_DAY)
