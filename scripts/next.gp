# The next panel of a picture: what the first one said for all of them is not said again.
unset label
unset object
