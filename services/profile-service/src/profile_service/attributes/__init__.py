"""The attributes that the firm defines: what a value must look like, how it is shown, found and chosen."""
