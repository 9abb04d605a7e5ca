// Nothing of <stdio.h> is needed: zcbor names it for printing only.
